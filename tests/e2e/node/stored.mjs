// SPDX-License-Identifier: Apache-2.0
// The official Node SDK goes on from answers that are kept, reads them again
// and erases them. Arguments: base URL; keys come by the environment.
import OpenAI from "openai";

const base = process.argv[2];
const client = new OpenAI({ baseURL: base, apiKey: process.env.KEY_GOOD,
                            maxRetries: 0 });
const other = new OpenAI({ baseURL: base, apiKey: process.env.KEY_OTHER,
                           maxRetries: 0 });

function report(name, value) {
  console.log(JSON.stringify({ name, value }));
}

async function failure(call) {
  try {
    await call();
    return "no error";
  } catch (error) {
    return [error.constructor.name, error.status, error.code ?? null];
  }
}

const first = await client.responses.create(
  { model: "far-first", input: "How high?" });
const second = await client.responses.create(
  { model: "first-near", input: "And now?", previous_response_id: first.id });
report("chain", second.previous_response_id === first.id);

let final = null;
for await (const event of await client.responses.create(
  { model: "first-near", input: "And then?", stream: true,
    previous_response_id: second.id }))
  if (event.type === "response.completed") final = event.response;
report("streamed chain", final.previous_response_id === second.id);

const again = await client.responses.retrieve(first.id);
report("retrieved", [again.output_text, again.id === first.id]);

const items = [];
for await (const item of client.responses.inputItems.list(first.id))
  items.push(item);
report("items", [items[0].content[0].text, items[0].id.startsWith("msg_")]);

report("stranger", [
  await failure(() => other.responses.create(
    { model: "large", input: "x", previous_response_id: first.id })),
  await failure(() => other.responses.retrieve(first.id))]);

await client.responses.delete(first.id);
report("deleted", await failure(() => client.responses.retrieve(first.id)));
