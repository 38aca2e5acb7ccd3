// SPDX-License-Identifier: Apache-2.0
// Files that calls name, by the official Node SDK: a line of JSON for each
// thing tried. Arguments: base URL; keys come by the environment.
import OpenAI, { toFile } from "openai";

const baseURL = process.argv[2];
const defaultHeaders = { "x-weir-model": "large" };
const client = new OpenAI({ baseURL, apiKey: process.env.KEY_GOOD,
                            maxRetries: 0, defaultHeaders });
const other = new OpenAI({ baseURL, apiKey: process.env.KEY_OTHER,
                           maxRetries: 0 });

function report(name, value) {
  console.log(JSON.stringify({ name, value }));
}

const pdf = Buffer.from("%PDF-1.4\n\x00\x01\xff%%EOF", "latin1");
const file = await client.files.create({
  file: await toFile(pdf, "a.pdf", { type: "application/pdf" }),
  purpose: "user_data" });
report("upload", [file.purpose, file.id.startsWith("file-")]);

const input = [{ role: "user", content: [
  { type: "input_text", text: "what is it?" },
  { type: "input_file", file_id: file.id }] }];
const answer = await client.responses.create({ model: "both", input });
report("responses", answer.output_text);

let events = 0;
const stream = await client.responses.create({ model: "both", input,
                                               stream: true });
for await (const event of stream) events += event.type ? 1 : 0;
report("stream", events);

const chat = await client.chat.completions.create({ model: "both", messages: [
  { role: "user", content: [{ type: "file", file: { file_id: file.id } }] }] });
report("chat", chat.choices[0].message.content);

try {
  await other.responses.create({ model: "both", input });
  report("foreign", "no error");
} catch (error) {
  report("foreign", [error.constructor.name, error.status, error.param]);
}
try {
  await other.files.retrieve(file.id);
  report("foreign file", "no error");
} catch (error) {
  report("foreign file", [error.constructor.name, error.status]);
}
report("deleted", (await client.files.delete(file.id)).deleted);
