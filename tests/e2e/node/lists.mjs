// SPDX-License-Identifier: Apache-2.0
// Lists through all their pages, by the official Node SDKs: a line of JSON
// for each. Arguments: base URL of OpenAI's API, and of Anthropic's; keys
// come by the environment.
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const openai = new OpenAI({ baseURL: process.argv[2], maxRetries: 0,
                            apiKey: process.env.KEY_OPENAI });
const anthropic = new Anthropic({ baseURL: process.argv[3], maxRetries: 0,
                                  apiKey: process.env.KEY_ANTHROPIC });

async function report(name, pages) {
  const ids = [];
  for await (const row of pages) ids.push(row.id);
  console.log(JSON.stringify({ name, value: ids }));
}

await report("files", openai.files.list({ limit: 2 }));
await report("ascending", openai.files.list({ limit: 3, order: "asc" }));
await report("batches", openai.batches.list({ limit: 1 }));
await report("messages", anthropic.messages.batches.list({ limit: 2 }));
