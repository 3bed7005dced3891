// The cases of the Node `openai` package; names and meanings are those of tests/sdk/openai_*.py.

import { z } from "zod";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { BIG, CLOCK, FAULTS, FLAT_FUNCTIONS, FUNCTIONS, HELLO, PDF, PNG } from "./asking.mjs";
import { headers, shown } from "./shown.mjs";
import { Cases } from "./use.mjs";

export const cases = new Cases();
const add = (name, run) => cases.add(name, run);
const CONTACT = z.object({ name: z.string(), age: z.number().int(), active: z.boolean() });

const asked = (use, fields) => ({ model: use.model, messages: HELLO, ...fields });
const chat = async (use, fields = {}, options = {}) =>
  shown(await use.client.chat.completions.create(asked(use, fields), options));
const streamed = async (use, fields = {}, options = {}) =>
  use.all(await use.client.chat.completions.create(asked(use, { stream: true, ...fields }), options));
const helped = async (use, fields = {}) => {
  const stream = use.client.chat.completions.stream(asked(use, fields));
  const seen = await use.all(stream);
  return { ...seen, final: await use.tried(() => stream.finalChatCompletion()) };
};
const respond = async (use, fields = {}, options = {}) => {
  const answer = await use.client.responses.create({ model: use.model, input: "Say hello", ...fields }, options);
  return { ...shown(answer), output_text: answer.output_text };
};
const responding = async (use, fields = {}) =>
  use.all(await use.client.responses.create({ model: use.model, input: "Say hello", stream: true, ...fields }));
const respondingHelped = async (use, fields = {}) => {
  const stream = use.client.responses.stream({ model: use.model, input: "Say hello", ...fields });
  const seen = await use.all(stream);
  return { ...seen, final: await use.tried(() => stream.finalResponse()) };
};
const told = (response) => ({ status: response.status, headers: headers(response.headers) });
/** Leave a stream after its first items; what came up to there. */
const left = async (stream, most) => {
  const items = [];
  for await (const item of stream) {
    items.push(shown(item));
    if (items.length === most) break;
  }
  return { items };
};

add("chat/unary", chat);
add("chat/parameters", (use) =>
  chat(use, {
    temperature: 0.1, top_p: 1e-7, seed: 4_503_599_627_370_497, stop: ["\n", "\u2028"], presence_penalty: -0.5,
    logit_bias: { 50256: -100 }, max_completion_tokens: 64, metadata: { team: "a" }, user: "käthe-😀",
  }));
add("chat/conversation", (use) => {
  const call = { id: "call_1", type: "function", function: { name: "clock", arguments: '{"zone": "UTC"}' } };
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Wie spät ist es? 何時? \u2028 🕒", name: "käthe" },
    { role: "assistant", content: null, tool_calls: [call] },
    { role: "tool", tool_call_id: "call_1", content: '{"time": "12:00"}' },
  ];
  return chat(use, { messages, tools: FUNCTIONS });
});
for (const form of ["vendor-fields", "logprobs", "refusal", "two-choices"]) {
  add(`chat/${form}`, (use) => chat(use, { n: 2, logprobs: true, top_logprobs: 2 }));
}
add("chat/tools", (use) => chat(use, { tools: FUNCTIONS, tool_choice: "auto" }));
add("chat/tools-parallel", (use) => chat(use, { tools: FUNCTIONS, parallel_tool_calls: true }));
add("chat/tools-forbidden", (use) => chat(use, { tools: FUNCTIONS, tool_choice: "none" }));
add("chat/functions", (use) => chat(use, { functions: [{ name: "clock", parameters: CLOCK }] }));
for (const form of ["structured", "structured-cut-by-length"]) {
  add(`chat/${form}`, async (use) => {
    const format = zodResponseFormat(CONTACT, "contact");
    return shown(await use.client.chat.completions.parse(asked(use, { response_format: format })));
  });
}
add("chat/json-object", (use) => chat(use, { response_format: { type: "json_object" } }));
add("chat/image", (use) => {
  const picture = { url: `data:image/png;base64,${PNG}`, detail: "low" };
  const parts = [{ type: "text", text: "What is it?" }, { type: "image_url", image_url: picture }];
  return chat(use, { messages: [{ role: "user", content: parts }] });
});
add("chat/audio-and-file", (use) => {
  const parts = [
    { type: "input_audio", input_audio: { data: PNG, format: "wav" } },
    { type: "file", file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${PDF}` } },
  ];
  return chat(use, { messages: [{ role: "user", content: parts }] });
});
add("chat/thinking", (use) => chat(use, { reasoning_effort: "low" }));
add("chat/raw", async (use) => {
  const { data, response, request_id } = await use.client.chat.completions.create(asked(use, {})).withResponse();
  return { ...told(response), request_id, parsed: shown(data), parsed_request_id: data._request_id };
});
add("chat/streaming-response", async (use) => {
  const response = await use.client.chat.completions.create(asked(use, {})).asResponse();
  return { ...told(response), text: await response.text() };
});
add("chat/big-body", (use) => chat(use, { messages: [{ role: "user", content: BIG }] }));
add("chat/big-answer", chat);
add("chat/extra-body", (use) =>
  chat(use, { top_k: 40, guided_regex: "a|b", provider: { order: ["x"], only: null }, stream_options_: null }));
add("chat/extra-headers", (use) =>
  chat(use, {}, { headers: { "X-Title": "a; b=c", "OpenAI-Beta": "x=v1", "x-empty": "" } }));
add("chat/extra-query", (use) => chat(use, {}, { query: { "api-version": "2026-10-21", q: "a b&c=d/é" } }));
add("chat/organization", async (use) => {
  const client = use.made({ organization: "org-1", project: "proj-1", defaultHeaders: { "x-team": "a" } });
  return shown(await client.chat.completions.create(asked(use, {})));
});
add("chat/timeout", (use) => chat(use, {}, { timeout: 2_000 }));
add("chat/aborted", async (use) => {
  const leaving = new AbortController();
  setTimeout(() => leaving.abort(), 2_000);
  return chat(use, {}, { signal: leaving.signal });
});
add("chat/run-tools", async (use) => {
  const calls = [];
  const clock = (given) => (calls.push(given), "12:00");
  const tool = { name: "clock", parameters: CLOCK, function: clock, parse: JSON.parse };
  const runner = use.client.chat.completions.runTools(asked(use, { tools: [{ type: "function", function: tool }] }));
  return { final: await runner.finalContent(), messages: shown(runner.messages), calls };
});

add("chat/stream", streamed);
add("chat/stream-usage", (use) => streamed(use, { stream_options: { include_usage: true } }));
for (const form of [
  "empty", "crlf", "comments", "split", "burst", "two-choices", "refusal", "logprobs", "audio", "vendor-fields",
  "usage-in-each-chunk", "two-line-data", "no-sentinel", "long", "thinking",
]) {
  add(`chat/stream-${form}`, (use) => streamed(use));
}
add("chat/stream-tools", (use) => streamed(use, { tools: FUNCTIONS }));
add("chat/stream-tools-parallel", (use) => streamed(use, { tools: FUNCTIONS, parallel_tool_calls: true }));
add("chat/stream-helper", (use) => helped(use, { stream_options: { include_usage: true } }));
add("chat/stream-helper-tools", (use) => helped(use, { tools: FUNCTIONS.slice(1) }));
add("chat/stream-helper-structured", (use) => helped(use, { response_format: zodResponseFormat(CONTACT, "contact") }));
add("chat/stream-raw", async (use) => {
  const { data, response, request_id } =
    await use.client.chat.completions.create(asked(use, { stream: true })).withResponse();
  return { ...told(response), request_id, ...(await use.all(data)) };
});
add("chat/stream-left", async (use) =>
  left(await use.client.chat.completions.create(asked(use, { stream: true })), 3));
add("chat/stream-left-with", async (use) => {
  const stream = await use.client.chat.completions.create(asked(use, { stream: true }));
  const seen = [];
  for await (const chunk of stream) {
    seen.push(shown(chunk));
    if (seen.length === 2) stream.controller.abort();
  }
  return { items: seen.slice(0, 2) };
});
add("chat/stream-timeout", (use) => streamed(use, {}, { timeout: 2_000 }));

add("responses/unary", respond);
add("responses/parameters", (use) =>
  respond(use, {
    instructions: "Be brief — très.", max_output_tokens: 64, metadata: { team: "a" },
    previous_response_id: "resp_0", reasoning: { effort: "low", summary: "auto" }, store: false, truncation: "auto",
  }));
add("responses/items", (use) => {
  const input = [
    { role: "developer", content: "Use SI units." },
    { role: "user", content: [{ type: "input_text", text: "何時?" }] },
    { type: "function_call", call_id: "call_1", name: "clock", arguments: "{}" },
    { type: "function_call_output", call_id: "call_1", output: "12:00" },
  ];
  return respond(use, { input, tools: FLAT_FUNCTIONS });
});
add("responses/image-and-file", (use) => {
  const parts = [
    { type: "input_image", image_url: `data:image/png;base64,${PNG}`, detail: "low" },
    { type: "input_file", filename: "a.pdf", file_data: `data:application/pdf;base64,${PDF}` },
  ];
  return respond(use, { input: [{ role: "user", content: parts }] });
});
add("responses/tools", (use) => respond(use, { tools: FLAT_FUNCTIONS, tool_choice: "auto" }));
add("responses/tools-parallel", (use) => respond(use, { tools: FLAT_FUNCTIONS, parallel_tool_calls: true }));
add("responses/tools-of-the-vendor", (use) => respond(use, { tools: [{ type: "web_search" }] }));
add("responses/thinking", (use) => respond(use, { reasoning: { effort: "low" } }));
add("responses/structured", async (use) => {
  const format = zodTextFormat(CONTACT, "contact");
  return shown(await use.client.responses.parse({ model: use.model, input: "Who?", text: { format } }));
});
add("responses/incomplete", (use) => respond(use, { max_output_tokens: 16 }));
add("responses/raw", async (use) => {
  const { data, response } = await use.client.responses.create({ model: use.model, input: "Hi" }).withResponse();
  return { ...told(response), parsed: shown(data) };
});
add("responses/extra-body", (use) => respond(use, { future: { n: 1 } }, { headers: { "openai-beta": "x=v2" } }));
add("responses/big-body", (use) => respond(use, { input: BIG }));
add("responses/stream", responding);
for (const form of ["no-done", "split", "unknown-events", "incomplete", "empty", "server-tools", "thinking"]) {
  add(`responses/stream-${form}`, (use) => responding(use));
}
add("responses/stream-tools", (use) => responding(use, { tools: FLAT_FUNCTIONS }));
add("responses/stream-helper", respondingHelped);
add("responses/stream-helper-tools-parallel", (use) => respondingHelped(use, { tools: FLAT_FUNCTIONS }));
add("responses/stream-helper-structured", (use) =>
  respondingHelped(use, { text: { format: zodTextFormat(CONTACT, "contact") } }));
add("responses/stream-left", async (use) =>
  left(await use.client.responses.create({ model: use.model, input: "Hi", stream: true }), 5));
add("responses/timeout", (use) => respond(use, {}, { timeout: 2_000 }));

const complete = async (use, fields = {}) =>
  shown(await use.client.completions.create({ model: use.model, prompt: "Once", ...fields }));
const embed = async (use, fields = {}) =>
  shown(await use.client.embeddings.create({ model: use.model, input: "Once", ...fields }));
add("completions/unary", (use) => complete(use, { suffix: ".", echo: false, best_of: 1, max_tokens: 5 }));
add("completions/prompts", (use) => complete(use, { prompt: ["Once", "Twice"], n: 2 }));
add("completions/tokens", (use) => complete(use, { prompt: [[1, 2, 3], [4]] }));
add("completions/stream", async (use) =>
  use.all(await use.client.completions.create({ model: use.model, prompt: ["Once", "Twice"], stream: true })));
add("embeddings/usual", (use) => embed(use));
add("embeddings/float", (use) => embed(use, { encoding_format: "float" }));
add("embeddings/base64", (use) => embed(use, { encoding_format: "base64" }));
add("embeddings/many", (use) => embed(use, { input: ["Once", "Deux — 二", ""], dimensions: 512, user: "a" }));
add("models/list", async (use) => {
  const page = await use.client.models.list();
  const models = [];
  for await (const model of page) models.push(shown(model));
  return { page: page.constructor.name, models };
});
add("models/retrieve", async (use) => shown(await use.client.models.retrieve("atlas-large")));
add("models/missing", async (use) => shown(await use.client.models.retrieve("no-such-model")));
add("keys/wrong", async (use) =>
  shown(await use.made({ apiKey: "sk-wrong" }).chat.completions.create(asked(use, {}))));
add("keys/in-another-header", async (use) => {
  const client = use.made({ defaultHeaders: { "x-api-key": "sk-of-the-caller", cookie: "a=b" } });
  return shown(await client.chat.completions.create(asked(use, {})));
});
add("models/unknown-model", (use) => chat(use, { model: "no-such-model" }));
add("client/raw-post", async (use) =>
  shown(await use.client.post("/chat/completions", { body: { model: use.model, messages: HELLO, b: 1.5, a: "é" } })));

for (const fault of FAULTS.statuses) add(`refused/${fault}`, (use) => chat(use));
for (const fault of FAULTS.stream_statuses) add(`refused-stream/${fault}`, (use) => streamed(use));
for (const fault of FAULTS.whole) add(`broken/${fault}`, (use) => chat(use));
for (const fault of FAULTS.streams) {
  add(`broken-stream/${fault}`, (use) => streamed(use));
  add(`broken-responses/${fault}`, (use) => responding(use));
}
for (const fault of FAULTS.helped) {
  add(`broken-helper/${fault}`, (use) => helped(use));
  add(`broken-responses-helper/${fault}`, (use) => respondingHelped(use));
}
for (const fault of FAULTS.retried) {
  add(`retried/${fault}`, async (use) =>
    shown(await use.made({ maxRetries: 2 }).chat.completions.create(asked(use, {}))));
}
