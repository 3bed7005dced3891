// What the cases ask: messages, tools, schemas, pictures.

import { readFileSync } from "node:fs";

export const HELLO = [{ role: "user", content: "Say hello" }];
export const FAULTS = JSON.parse(readFileSync(new URL("../faults.json", import.meta.url)));
export const BIG = "äb".repeat(2 * 1024 * 1024);
export const PDF = "JVBERi0xLjEKJcKlwrHDqwoKMSAwIG9iagogIDw8IC9UeXBlIC9DYXRhbG9nID4+CmVuZG9iago=";
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

const WEATHER = {
  type: "object",
  properties: {
    city: { type: "string", description: "Où? 何処?" },
    days: { type: "integer" },
    unit: { type: "string", enum: ["celsius", "fahrenheit"] },
  },
  required: ["city", "days", "unit"],
  additionalProperties: false,
};
export const CLOCK = {
  type: "object",
  properties: { zone: { type: "string" } },
  required: ["zone"],
  additionalProperties: false,
};
export const FUNCTIONS = [
  { type: "function", function: { name: "weather", description: "Forecast", parameters: WEATHER } },
  { type: "function", function: { name: "clock", parameters: CLOCK, strict: true } },
];
export const FLAT_FUNCTIONS = [
  { type: "function", name: "weather", description: "Forecast", parameters: WEATHER, strict: true },
  { type: "function", name: "clock", parameters: CLOCK, strict: true },
];
export const TOOLS = [
  { name: "weather", description: "Forecast", input_schema: WEATHER },
  { name: "clock", input_schema: CLOCK },
];
