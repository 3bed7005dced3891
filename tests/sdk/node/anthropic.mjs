// The cases of the Node `@anthropic-ai/sdk` package; names and meanings are those of tests/sdk/anthropic_*.py.

import { z } from "zod";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { BIG, CLOCK, FAULTS, HELLO, PDF, PNG, TOOLS } from "./asking.mjs";
import { headers, shown } from "./shown.mjs";
import { CALLERS_KEY, Cases } from "./use.mjs";

export const cases = new Cases();
const add = (name, run) => cases.add(name, run);
const CONTACT = z.object({ name: z.string(), age: z.number(), active: z.boolean() });
const THINKING = { max_tokens: 4000, thinking: { type: "enabled", budget_tokens: 1024 } };

const asked = (use, fields = {}) => ({ model: use.model, max_tokens: 64, messages: HELLO, ...fields });
const message = async (use, fields = {}, options = {}) =>
  shown(await use.client.messages.create(asked(use, fields), options));
const streamed = async (use, fields = {}, options = {}) =>
  use.all(await use.client.messages.create(asked(use, { stream: true, ...fields }), options));
const helped = async (use, fields = {}) => {
  const stream = use.client.messages.stream(asked(use, fields));
  const seen = await use.all(stream);
  return { ...seen, final: await use.tried(() => stream.finalMessage()) };
};
const told = (response) => ({ status: response.status, headers: headers(response.headers) });

add("messages/unary", message);
add("messages/parameters", (use) =>
  message(use, {
    system: "Be brief — très.", stop_sequences: ["\n\nHuman:", "\u2028"], metadata: { user_id: "käthe-😀" },
    service_tier: "auto", temperature: 0.1, top_k: 5, top_p: 1e-7,
  }));
add("messages/system-blocks", (use) => {
  const cached = { type: "ephemeral", ttl: "1h" };
  const system = [
    { type: "text", text: "x-attribution: first" },
    { type: "text", text: "You are terse.", cache_control: cached },
  ];
  return message(use, { system });
});
add("messages/conversation", (use) => {
  const messages = [
    { role: "user", content: "Wie spät ist es? 何時? \u2028 🕒" },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "Hm.", signature: "EqQBCg==" },
        { type: "redacted_thinking", data: "EmwKAhgB" },
        { type: "tool_use", id: "toolu_1", name: "clock", input: { zone: "UTC" } },
      ],
    },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "12:00" }] },
  ];
  return message(use, { messages, tools: TOOLS });
});
add("messages/prefill", (use) => message(use, { messages: [...HELLO, { role: "assistant", content: "Hel" }] }));
for (const form of [
  "citations", "redacted-thinking", "server-tools", "refusal", "cut-by-length", "unknown-block", "cache-usage",
]) {
  add(`messages/${form}`, (use) => message(use));
}
add("messages/tools", (use) => message(use, { tools: TOOLS, tool_choice: { type: "auto" } }));
add("messages/tools-parallel", (use) =>
  message(use, { tools: TOOLS, tool_choice: { type: "any", disable_parallel_tool_use: false } }));
add("messages/tools-forbidden", (use) => message(use, { tools: TOOLS, tool_choice: { type: "none" } }));
add("messages/tools-of-the-vendor", (use) =>
  message(use, { tools: [{ type: "web_search_20250305", name: "web_search", max_uses: 1 }, ...TOOLS] }));
add("messages/structured", async (use) =>
  shown(await use.client.messages.parse(asked(use, { output_config: { format: zodOutputFormat(CONTACT) } }))));
add("messages/images", (use) => {
  const parts = [
    { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
    { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
  ];
  return message(use, { messages: [{ role: "user", content: parts }] });
});
add("messages/document", (use) => {
  const source = { type: "base64", media_type: "application/pdf", data: PDF };
  const parts = [{ type: "document", source, title: "A", citations: { enabled: true } }];
  return message(use, { messages: [{ role: "user", content: parts }] });
});
add("messages/thinking", (use) => message(use, THINKING));
add("messages/raw", async (use) => {
  const { data, response, request_id } = await use.client.messages.create(asked(use)).withResponse();
  return { ...told(response), request_id, parsed: shown(data), parsed_request_id: data._request_id };
});
add("messages/streaming-response", async (use) => {
  const response = await use.client.messages.create(asked(use)).asResponse();
  return { ...told(response), text: await response.text() };
});
add("messages/big-body", (use) => message(use, { messages: [{ role: "user", content: BIG }] }));
add("messages/big-answer", message);
add("messages/extra-body", (use) => message(use, { future: { n: 1, z: [1.5, null] }, a: 1 }));
add("messages/extra-headers", (use) =>
  message(use, {}, {
    headers: {
      "anthropic-beta": "context-1m-2025-08-07,interleaved-thinking-2025-05-14",
      "anthropic-version": "2023-06-01",
      "x-claude-code-session-id": "s-1",
    },
  }));
add("messages/extra-query", (use) => message(use, {}, { query: { beta: "true", q: "a b&c=d/é" } }));
add("messages/timeout", (use) => message(use, {}, { timeout: 2_000 }));
add("messages/aborted", async (use) => {
  const leaving = new AbortController();
  setTimeout(() => leaving.abort(), 2_000);
  return message(use, {}, { signal: leaving.signal });
});

add("messages/stream", streamed);
for (const form of [
  "empty", "crlf", "split", "burst", "pings", "unknown-events", "citations", "redacted-thinking", "server-tools",
  "cumulative-usage", "refusal", "no-sentinel", "long",
]) {
  add(`messages/stream-${form}`, (use) => streamed(use));
}
add("messages/stream-tools", (use) => streamed(use, { tools: TOOLS }));
add("messages/stream-tools-parallel", (use) => streamed(use, { tools: TOOLS, tool_choice: { type: "any" } }));
add("messages/stream-thinking", (use) => streamed(use, THINKING));
add("messages/stream-helper", helped);
add("messages/stream-helper-thinking", (use) => helped(use, THINKING));
add("messages/stream-helper-tools-parallel", (use) => helped(use, { tools: TOOLS }));
add("messages/stream-helper-text", async (use) => {
  const pieces = [];
  const stream = use.client.messages.stream(asked(use)).on("text", (piece) => pieces.push(piece));
  return { pieces, text: await stream.finalText() };
});
add("messages/stream-raw", async (use) => {
  const { data, response, request_id } =
    await use.client.messages.create(asked(use, { stream: true })).withResponse();
  return { ...told(response), request_id, ...(await use.all(data)) };
});
add("messages/stream-left", async (use) => {
  const items = [];
  for await (const event of await use.client.messages.create(asked(use, { stream: true }))) {
    items.push(shown(event));
    if (event.type === "content_block_delta") break;
  }
  return { items };
});
add("messages/stream-left-with", async (use) => {
  const stream = use.client.messages.stream(asked(use));
  const first = await new Promise((resolve, reject) => {
    stream.once("text", resolve);
    stream.once("error", reject);
  });
  stream.abort();
  await stream.done().catch(() => undefined);
  return { first };
});
add("messages/stream-timeout", (use) => streamed(use, {}, { timeout: 2_000 }));

add("count/usual", async (use) =>
  shown(await use.client.messages.countTokens({ model: use.model, messages: HELLO })));
add("count/tools", async (use) =>
  shown(await use.client.messages.countTokens({ model: use.model, messages: HELLO, tools: TOOLS, system: "Be." })));
add("count/beta", async (use) => {
  const betas = ["token-counting-2024-11-01"];
  return shown(await use.client.beta.messages.countTokens({ model: use.model, messages: HELLO, betas }));
});
add("models/list", async (use) => {
  const page = await use.client.models.list({ limit: 1000 });
  const models = [];
  for await (const model of page) models.push(shown(model));
  return { page: page.constructor.name, has_more: page.has_more, first: page.first_id, last: page.last_id, models };
});
add("models/retrieve", async (use) => shown(await use.client.models.retrieve("atlas-large")));
add("models/missing", async (use) => shown(await use.client.models.retrieve("no-such-model")));
add("models/unknown-model", (use) => message(use, { model: "no-such-model" }));
add("beta/unary", async (use) => {
  const betas = ["files-api-2025-04-14", "context-1m-2025-08-07"];
  return shown(await use.client.beta.messages.create(asked(use, { betas, tools: TOOLS })));
});
add("beta/stream", async (use) =>
  use.all(await use.client.beta.messages.create(asked(use, { stream: true, betas: ["context-1m-2025-08-07"] }))));
add("beta/stream-helper", async (use) => {
  const stream = use.client.beta.messages.stream(asked(use, { tools: TOOLS }));
  return { ...(await use.all(stream)), final: await use.tried(() => stream.finalMessage()) };
});
add("beta/mcp-servers", async (use) => {
  const server = { type: "url", url: "https://example.com/mcp", name: "m", authorization_token: "t" };
  const betas = ["mcp-client-2025-04-04"];
  return shown(await use.client.beta.messages.create(asked(use, { mcp_servers: [server], betas })));
});
add("beta/tool-runner", async (use) => {
  const calls = [];
  const run = (given) => (calls.push(given), "12:00");
  const clock = betaTool({ name: "clock", description: "The time", inputSchema: CLOCK, run });
  const runner = use.client.beta.messages.toolRunner(asked(use, { tools: [clock] }));
  const messages = [];
  for await (const each of runner) messages.push(shown(each));
  return { messages, calls };
});
add("keys/wrong", async (use) => shown(await use.made({ apiKey: "sk-wrong" }).messages.create(asked(use))));
add("keys/bearer", async (use) =>
  shown(await use.made({ apiKey: null, authToken: CALLERS_KEY }).messages.create(asked(use))));
add("client/default-headers", async (use) => {
  const client = use.made({ defaultHeaders: { "x-team": "a", cookie: "a=b" }, defaultQuery: { tenant: "t 1" } });
  return shown(await client.messages.create(asked(use)));
});
add("client/raw-post", async (use) =>
  shown(await use.client.post("/v1/messages", { body: asked(use, { b: 1.5, a: "é" }) })));

for (const fault of FAULTS.statuses) add(`refused/${fault}`, (use) => message(use));
for (const fault of FAULTS.stream_statuses) add(`refused-stream/${fault}`, (use) => streamed(use));
for (const fault of FAULTS.whole) add(`broken/${fault}`, (use) => message(use));
for (const fault of FAULTS.streams) add(`broken-stream/${fault}`, (use) => streamed(use));
for (const fault of FAULTS.helped) add(`broken-helper/${fault}`, (use) => helped(use));
for (const status of ["400", "404"]) {
  add(`refused-count/${status}`, async (use) =>
    shown(await use.client.messages.countTokens({ model: use.model, messages: HELLO })));
}
for (const fault of FAULTS.retried) {
  add(`retried/${fault}`, async (use) => shown(await use.made({ maxRetries: 2 }).messages.create(asked(use))));
}
