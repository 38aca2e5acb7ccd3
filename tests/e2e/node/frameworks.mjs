// SPDX-License-Identifier: Apache-2.0
// Vercel's AI SDK and LangChain, as applications use them: the base URL and
// the key are weir's, nothing else is. A line of JSON for each call.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { ChatAnthropic } from "@langchain/anthropic";
import { HumanMessage } from "@langchain/core/messages";
import { tool as langchainTool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, streamText, tool } from "ai";
import { z } from "zod";

const [base, model, ...kinds] = process.argv.slice(2);
const apiKey = process.env.WEIR_KEY;
const say = (name, value) => console.log(JSON.stringify({ name, value }));
const prompt = "weather?";
const inputSchema = z.object({ place: z.string() });

const openai = createOpenAI({ baseURL: `${base}/v1`, apiKey });
const anthropic = createAnthropic({ baseURL: `${base}/v1`, apiKey });
const vercel = {
  chat: () => openai.chat(model),
  responses: () => openai.responses(model),
  messages: () => anthropic(model),
};
const langchain = {
  chat: () => new ChatOpenAI({
    model, apiKey, maxRetries: 0, streamUsage: true,
    configuration: { baseURL: `${base}/v1` },
  }),
  messages: () => new ChatAnthropic({
    model, apiKey, maxRetries: 0, anthropicApiUrl: base, maxTokens: 100,
  }),
};
const weather = langchainTool(async () => "rain", {
  name: "weather", description: "tells it", schema: inputSchema,
});

async function ofVercel(surface, streamed) {
  const ask = {
    model: vercel[surface](), prompt, maxRetries: 0,
    tools: { weather: tool({ description: "tells it", inputSchema }) },
  };
  const result = streamed ? streamText(ask) : await generateText(ask);
  const usage = await result.usage;
  return [await result.text,
    (await result.toolCalls).map((call) => [call.toolName, call.input]),
    await result.finishReason, usage.inputTokens, usage.outputTokens];
}

async function ofLangchain(surface, streamed) {
  const bound = langchain[surface]().bindTools([weather]);
  const asked = [new HumanMessage(prompt)];
  let message;
  if (streamed) {
    for await (const chunk of await bound.stream(asked)) {
      message = message ? message.concat(chunk) : chunk;
    }
  } else {
    message = await bound.invoke(asked);
  }
  return [message.text, message.tool_calls.map((c) => [c.name, c.args]),
    message.usage_metadata.input_tokens, message.usage_metadata.output_tokens];
}

for (const kind of kinds) {
  const [framework, surface, how] = kind.split(" ");
  try {
    say(kind, await (framework === "vercel" ? ofVercel : ofLangchain)(
      surface, how === "stream"));
  } catch (error) {
    say(kind, { error: error.name, status: error.statusCode ?? error.status });
  }
}
