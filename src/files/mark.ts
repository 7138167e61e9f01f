/** Random marks for the names of files that must be nobody else's. */

/** 48 random bits, in hexadecimal. */
export function newMark(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function isMark(value: unknown): boolean {
  return typeof value === "string" && /^[\da-f]{12}$/.test(value);
}
