import { defineConfig } from "vitest/config";

// Threads and programs that tests start load the sources by themselves: what Node made of them is kept for the next.
process.env.NODE_COMPILE_CACHE ??= `${import.meta.dirname}/node_modules/.cache/node`;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // a package of its own, run by `npm run test:runtimes`
    exclude: ["test/runtimes/**"],
    setupFiles: ["test/support/matchers.ts"],
    // both of two cores: the default leaves one free
    maxWorkers: "100%",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
