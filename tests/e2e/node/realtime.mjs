// SPDX-License-Identifier: Apache-2.0
// The official client's realtime sessions, over TLS as it has them: one line
// of JSON for each thing tried. Arguments: base URL; the key by KEY.
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

function report(name, value) {
  console.log(JSON.stringify({ name, value }));
}

const client = new OpenAI({ baseURL: process.argv[2],
                            apiKey: process.env.KEY });
const session = new OpenAIRealtimeWS({ model: "talker_near" }, client);
let text = "";
let asked = false;

session.on("session.created", () => session.send({
  type: "session.update",
  session: { type: "realtime", model: "talker_near",
             audio: { input: { transcription: { model: "writer" } } } } }));
session.on("session.updated", (event) => {
  report("updated", event.session.audio.input.transcription.model.length > 0);
  session.send({ type: "no.such.event", event_id: "mine" });
});
session.on("error", (error) => {
  report("error", [error.error?.param ?? error.message,
                   error.error?.event_id ?? null]);
  if (!asked) {
    asked = true;
    session.send({ type: "response.create",
                   response: { instructions: "say Hel|lo, wor|ld" } });
  }
});
session.on("response.output_text.delta", (event) => { text += event.delta; });
session.on("response.done", (event) => {
  report("text", text);
  report("usage", event.response.usage.output_tokens);
  session.close();
});
session.socket.on("close", (code) => report("closed", code));
