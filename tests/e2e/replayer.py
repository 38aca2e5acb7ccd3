# SPDX-License-Identifier: Apache-2.0
"""An origin that answers every call with the reply a test gives it."""
import http.server
import json
import threading
import time


class Replayer:
    """Listens on a free port; `reply` is what the next calls get, `asked`
    what they asked, `pause` seconds between two chunks."""

    def __init__(self):
        self.asked = []
        self.pause = 0
        self.check = None   # of a request: what is refused has a reply
        self.set(b"{}")
        replayer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers.get("Content-Length", "0"))
                body = self.rfile.read(length)
                replayer.asked.append((self.path, dict(self.headers), body))
                replayer.answer(self)

            def log_message(self, *words):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       daemon=True)
        self.thread.start()

    def set(self, body, kind="application/json", status=200, chunk=None,
            headers=None):
        """`chunk`: so many bytes at a time; None: all at once."""
        self.headers = headers or {}
        self.reply = (status, kind, body, chunk)
        self.headers = headers or {}

    def answer(self, handler):
        status, kind, body, chunk = self.reply
        if self.check and not self.check(*self.asked[-1]):
            status, kind, body, chunk = 403, "application/json", b"{}", None
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        if chunk is None:
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
            return
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for at in range(0, len(body), chunk):
            part = body[at:at + chunk]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            handler.wfile.flush()
            time.sleep(self.pause)
        handler.wfile.write(b"0\r\n\r\n")

    def last(self):
        """The body of the last call, read."""
        return json.loads(self.asked[-1][2])

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
