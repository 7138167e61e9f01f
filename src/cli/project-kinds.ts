/** The projects that `elbow init` makes: the folders of examples/. */
export const PROJECT_KINDS = ["worker", "vite", "node"] as const;
export type ProjectKind = (typeof PROJECT_KINDS)[number];
