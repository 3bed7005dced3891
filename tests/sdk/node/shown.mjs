// What a user of a Node SDK sees, as plain JSON, under the names that tests/sdk/shown.py uses.

import { createHash } from "node:crypto";

const LONG = 4000;
const OF_THE_CONNECTION = ["connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"];
const ABOUT_RETRIES = ["retry-after", "retry-after-ms", "x-should-retry"];

/** Any value an SDK hands out; undefined and functions are as if absent. */
export function shown(value) {
  if (typeof value === "string") return text(value);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(shown);
  const found = {};
  for (const [name, inner] of Object.entries(value)) {
    if (typeof inner !== "function") found[name] = shown(inner);
  }
  return found;
}

/** An exception: its class, its words, and what its properties tell a program. */
export function raised(error, sdk) {
  const found = { class: classOf(error, sdk), message: text(String(error?.message)) };
  for (const [name, property] of Object.entries({
    status_code: "status", code: "code", param: "param", type: "type", body: "error", request_id: "requestID",
  })) {
    if (property in error) found[name] = shown(error[property]);
  }
  if (error.cause) found.cause = error.cause.constructor?.name;
  if (error.headers) {
    const told = headers(error.headers);
    found.headers = Object.fromEntries(ABOUT_RETRIES.filter((n) => n in told).map((n) => [n, told[n]]));
  }
  return found;
}

/** Response headers, without those that belong to the connection. */
export function headers(given) {
  return Object.fromEntries([...given].filter(([name]) => !OF_THE_CONNECTION.includes(name)));
}

function text(value) {
  if (value.length <= LONG) return value;
  return { sha256: createHash("sha256").update(value).digest("hex"), length: value.length };
}

function classOf(error, sdk) {
  const name = error?.constructor?.name;
  return name in sdk ? `${sdk.named}.${name}` : `builtins.${name}`;
}
