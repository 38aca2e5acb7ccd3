// SPDX-License-Identifier: Apache-2.0
// The official Anthropic SDK against weir: a line of JSON for each call.
import Anthropic from "@anthropic-ai/sdk";

const [base, model, kind] = process.argv.slice(2);
const client = new Anthropic({
  baseURL: base, apiKey: process.env.WEIR_KEY, maxRetries: 0,
});
const say = (name, value) => console.log(JSON.stringify({ name, value }));
const ask = {
  model, max_tokens: 100, messages: [{ role: "user", content: "weather?" }],
};
const parts = (message) => [
  message.content.map((block) => block.type),
  message.content.find((block) => block.type === "text").text,
  message.content.find((block) => block.type === "tool_use").input,
  message.stop_reason, message.usage.output_tokens,
];

if (kind === "plain") {
  say("plain", parts(await client.messages.create(ask)));
} else if (kind === "stream") {
  say("stream", parts(await client.messages.stream(ask).finalMessage()));
} else {
  try {
    await client.messages.create({ ...ask, top_k: 3 });
  } catch (error) {
    say("refused", [error.constructor.name, error.status,
      error.error.error.weir.param]);
  }
}
