// SPDX-License-Identifier: Apache-2.0
// The official Node SDK against weir: one line of JSON for each thing tried.
// Arguments: base URL; keys come by the environment.
import OpenAI from "openai";

const base = process.argv[2];
const client = new OpenAI({ baseURL: base, apiKey: process.env.KEY_GOOD,
                            maxRetries: 0 });
const messages = [{ role: "user", content: "How high is the water?" }];
const scripted = (origin) => ({ metadata: { origin } });

function report(name, value) {
  console.log(JSON.stringify({ name, value }));
}

async function failure(key, body) {
  const other = new OpenAI({ baseURL: base, apiKey: key, maxRetries: 0 });
  try {
    await other.chat.completions.create({ model: "only-near", messages,
                                          ...body });
    return "no error";
  } catch (error) {
    return [error.constructor.name, error.status,
            error.headers?.get?.("weir-decision") ?? null];
  }
}

const plain = await client.chat.completions.create(
  { model: "only-near", messages, ...scripted("in=9;out=4") });
report("chat", [plain.choices[0].message.content.slice(0, 5),
                plain.usage.total_tokens]);

let words = 0;
const stream = await client.chat.completions.create(
  { model: "only-near", messages, stream: true, ...scripted("events=5") });
for await (const chunk of stream)
  words += chunk.choices[0]?.delta?.content ? 1 : 0;
report("stream", words);

let usage = null;
const counted = await client.chat.completions.create(
  { model: "only-near", messages, stream: true,
    stream_options: { include_usage: true }, ...scripted("events=5;in=7") });
for await (const chunk of counted) usage = chunk.usage ?? usage;
report("stream usage", [usage.prompt_tokens, usage.completion_tokens]);

const tool = await client.chat.completions.create(
  { model: "only-near", messages,
    tools: [{ type: "function",
              function: { name: "level", parameters: { type: "object" } } }],
    ...scripted("tool=level:%7B%22a%22:1%7D") });
report("tool", JSON.parse(
  tool.choices[0].message.tool_calls[0].function.arguments));

const structured = await client.chat.completions.create(
  { model: "only-near", messages,
    response_format: { type: "json_schema", json_schema: {
      name: "level", strict: true,
      schema: { type: "object", properties: { m: { type: "number" } } } } },
    ...scripted("content=%7B%22m%22:4.5%7D") });
report("structured", JSON.parse(structured.choices[0].message.content));

const vectors = await client.embeddings.create(
  { model: "embed", input: ["a", "b"] });
report("embeddings", vectors.data[1].embedding);

const response = await client.responses.create(
  { model: "only-near", input: "How high?", ...scripted("in=5;out=3") });
report("responses", [response.output_text.slice(0, 5),
                     response.usage.total_tokens]);

const kinds = {};
for await (const event of await client.responses.create(
  { model: "only-near", input: "How high?", stream: true,
    ...scripted("events=3") }))
  kinds[event.type] = (kinds[event.type] ?? 0) + 1;
report("responses stream", [kinds["response.output_text.delta"],
                            kinds["response.completed"]]);

report("models", (await client.models.list()).data.map((m) => m.id).sort());
report("401", await failure("wr_nobody", {}));
report("403", await failure(process.env.KEY_OUTCAST, {}));
report("held", await failure(process.env.KEY_DOUBTFUL, {}));
report("404", await failure(process.env.KEY_GOOD, { model: "no-such" }));
