import { defineConfig } from "vitest/config";

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
