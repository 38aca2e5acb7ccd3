// SPDX-License-Identifier: Apache-2.0
// The official MCP client of Node against weir: one line of JSON for each
// thing tried. Arguments: address of the tool server; the key by KEY.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport }
  from "@modelcontextprotocol/sdk/client/streamableHttp.js";

function report(name, value) {
  console.log(JSON.stringify({ name, value }));
}

const transport = new StreamableHTTPClientTransport(new URL(process.argv[2]), {
  requestInit: { headers: { Authorization: "Bearer " + process.env.KEY } } });
const client = new Client({ name: "weir-e2e", version: "1.0.0" });
await client.connect(transport);
report("session", typeof transport.sessionId === "string");
report("tools", (await client.listTools()).tools.map((tool) => tool.name)
  .sort());
report("call", (await client.callTool(
  { name: "search", arguments: { text: "of someone@example.org" } }))
  .content[0].text);
try {
  await client.callTool({ name: "close_ticket", arguments: { number: 7 } });
  report("refused", "it was not");
} catch (error) {
  report("refused", [error.constructor.name, error.code]);
}
try {
  await client.listResources();
  report("resources", "they were listed");
} catch (error) {
  report("resources", error.code);
}
const steps = [];
const long = await client.callTool({ name: "long", arguments: {} }, undefined,
  { onprogress: (progress) => steps.push(progress.progress) });
report("progress", [steps.length > 0, long.content[0].text]);
report("again", (await client.callTool(
  { name: "search", arguments: { text: "oil" } })).content[0].text);
await transport.terminateSession();
await client.close();
report("closed", true);
