# SPDX-License-Identifier: Apache-2.0
"""An origin that keeps answers, as the Responses API does: one account for
everybody, so that whoever says an id may go on from it."""
import http.server
import itertools
import json
import threading
import urllib.parse


def error(status, message, param=None, code=None):
    return status, {"error": {"message": message, "param": param, "code": code,
                              "type": "invalid_request_error"}}


class Keeper:
    """`seen` has what came: method, path, query, body."""

    def __init__(self, name):
        self.name = name
        self.numbers = itertools.count(1)
        self.responses, self.inputs, self.sounds, self.seen = {}, {}, {}, []
        self.text = "river"
        self.status = None      # of the next replies: fails with it
        keeper = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                parts = urllib.parse.urlsplit(self.path)
                keeper.seen.append((self.command, parts.path, parts.query,
                                    json.loads(body) if body else None))
                status, told = keeper.reply(
                    self.command, parts.path.removeprefix("/v1"),
                    urllib.parse.parse_qs(parts.query), keeper.seen[-1][3])
                kind = "application/json"
                if isinstance(told, bytes):
                    kind = "text/event-stream"
                else:
                    told = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def id(self, start):
        return f"{start}_{self.name}{next(self.numbers):04d}"

    def items(self):
        return {item["id"]: item for kept in self.responses.values()
                for item in kept["output"]}

    # ------------------------------------------------------------- replies

    def reply(self, method, path, query, body):
        if self.status is not None:
            return error(self.status, "not now")
        if path == "/chat/completions":
            return self.chat(body)
        if path == "/responses":
            return self.create(body)
        _, _, name, *more = path.split("/")
        kept = self.responses.get(name)
        if kept is None:
            return error(404, f"Response with id '{name}' not found.")
        if method == "DELETE":
            del self.responses[name]
            return 200, {"id": name, "object": "response", "deleted": True}
        if more == ["input_items"]:
            rows = self.inputs[name]
            after = query.get("after", [None])[0]
            if after is not None:
                rows = rows[[row["id"] for row in rows].index(after) + 1:]
            return 200, {"object": "list", "data": rows, "has_more": False,
                         "first_id": rows[0]["id"] if rows else None,
                         "last_id": rows[-1]["id"] if rows else None}
        if more == ["cancel"]:
            kept["status"] = "cancelled"
        if query.get("stream") == ["true"]:
            return 200, self.events(kept, int(query.get(
                "starting_after", ["-1"])[0]))
        return 200, kept

    def refuse(self, body):
        """What the body names and is not here."""
        previous = body.get("previous_response_id")
        if previous is not None and previous not in self.responses:
            return error(400, f"Previous response with id '{previous}' not "
                         "found.", "previous_response_id",
                         "previous_response_not_found")
        items = self.items()
        given = body["input"] if isinstance(body["input"], list) else []
        for item in given:
            if item.get("id") is not None and item["id"] not in items:
                return error(404, f"Item with id '{item['id']}' not found.",
                             "input")
        return None

    def create(self, body):
        no = self.refuse(body)
        if no is not None:
            return no
        given = body["input"]
        if isinstance(given, str):
            given = [{"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": given}]}]
        made = {
            "id": self.id("resp"), "object": "response", "created_at": 1,
            "status": "completed", "model": body["model"], "error": None,
            "incomplete_details": None, "instructions": None,
            "metadata": {"id": "resp_of_mine"}, "parallel_tool_calls": True,
            "temperature": 1.0, "tool_choice": "auto", "tools": [],
            "top_p": 1.0,
            "previous_response_id": body.get("previous_response_id"),
            "output": [
                {"id": self.id("rs"), "type": "reasoning", "summary": [],
                 "encrypted_content": "sealed-" + self.name},
                {"id": self.id("msg"), "type": "message", "role": "assistant",
                 "status": "completed", "content": [
                     {"type": "output_text", "annotations": [],
                      "text": self.text}]},
                {"id": self.id("fc"), "type": "function_call",
                 "call_id": "call_1", "name": "level", "arguments": "{}",
                 "status": "completed"}],
            "usage": {"input_tokens": 7, "output_tokens": 5,
                      "total_tokens": 12,
                      "input_tokens_details": {"cached_tokens": 0},
                      "output_tokens_details": {"reasoning_tokens": 0}}}
        if body.get("store") is not False:
            self.responses[made["id"]] = made
            self.inputs[made["id"]] = [
                {**item, "id": item.get("id") or self.id("msg")}
                for item in given]
        if body.get("stream"):
            return 200, self.events(made, -1)
        return 200, made

    def events(self, made, after):
        output = made["output"]
        begun = {**made, "status": "in_progress", "output": [], "usage": None}
        rows = [{"type": "response.created", "response": begun},
                {"type": "response.in_progress", "response": begun}]
        for at, item in enumerate(output):
            where = {"output_index": at}
            rows.append({"type": "response.output_item.added", "item": {
                **item, "status": "in_progress"}, **where})
            if item["type"] == "message":
                part = {"item_id": item["id"], "content_index": 0, **where}
                rows.append({"type": "response.content_part.added", **part,
                             "part": {"type": "output_text", "text": "",
                                      "annotations": []}})
                rows += [{"type": "response.output_text.delta", "delta": c,
                          "logprobs": [], **part}
                         for c in item["content"][0]["text"]]
                rows.append({"type": "response.output_text.done", **part,
                             "text": item["content"][0]["text"],
                             "logprobs": []})
            rows.append({"type": "response.output_item.done", "item": item,
                         **where})
        rows.append({"type": "response.completed", "response": made})
        text = ""
        for number, row in enumerate(rows):
            if number > after:
                row = {**row, "sequence_number": number}
                text += f"event: {row['type']}\ndata: {json.dumps(row)}\n\n"
        return text.encode()

    def chat(self, body):
        for message in body["messages"]:
            sound = (message.get("audio") or {}).get("id")
            if sound is not None and sound not in self.sounds:
                return error(404, "no such sound", "messages")
        made = self.id("audio")
        self.sounds[made] = "AAAA"
        audio = {"id": made, "data": "AAAA", "expires_at": 9,
                 "transcript": self.text}
        head = {"id": "chatcmpl-1", "created": 1, "model": body["model"]}
        usage = {"prompt_tokens": 3, "completion_tokens": 2,
                 "total_tokens": 5}
        if not body.get("stream"):
            return 200, {**head, "object": "chat.completion", "choices": [
                {"index": 0, "finish_reason": "stop", "logprobs": None,
                 "message": {"role": "assistant", "content": None,
                             "refusal": None, "audio": audio}}],
                "usage": usage}
        rows = [{**head, "object": "chat.completion.chunk", "choices": [
            {"index": 0, "delta": {"role": "assistant", "audio": audio},
             "finish_reason": None}]},
            {**head, "object": "chat.completion.chunk", "choices": [
                {"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {**head, "object": "chat.completion.chunk", "choices": [],
             "usage": usage}]
        return 200, ("".join(f"data: {json.dumps(row)}\n\n" for row in rows) +
                     "data: [DONE]\n\n").encode()
