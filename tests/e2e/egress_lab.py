# SPDX-License-Identifier: Apache-2.0
"""What stands between a weir and the world in a company: authorities of its
own, sites that show their certificates, a proxy that does as it is told."""
import base64
import datetime
import http.server
import json
import pathlib
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


class Authority:
    """A CA in a folder: its bundle, and what it signs."""

    def __init__(self, where, name):
        self.where = pathlib.Path(where)
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([
            x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self.build(self.subject, self.key.public_key()) \
            .add_extension(x509.BasicConstraints(True, None), True) \
            .sign(self.key, hashes.SHA256())
        self.file = self.where / f"{name}.pem"
        self.file.write_bytes(self.pem(self.certificate))

    @staticmethod
    def pem(certificate):
        return certificate.public_bytes(serialization.Encoding.PEM)

    def build(self, subject, key, begins=-2, lasts=30):
        now = datetime.datetime.now(datetime.timezone.utc)
        return x509.CertificateBuilder().subject_name(subject) \
            .issuer_name(self.subject).public_key(key) \
            .serial_number(x509.random_serial_number()) \
            .not_valid_before(now + begins * DAY) \
            .not_valid_after(now + (begins + lasts) * DAY)

    def sign(self, file, *names, lasts=30):
        """Certificate and key of these names, in two files."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([
            x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        made = self.build(subject, key.public_key(), -5, lasts) \
            .add_extension(x509.SubjectAlternativeName(
                [x509.DNSName(name) for name in names]), False) \
            .add_extension(x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH,
                 ExtendedKeyUsageOID.CLIENT_AUTH]), False) \
            .sign(self.key, hashes.SHA256())
        place = self.where / f"{file}.pem"
        secret = self.where / f"{file}.key"
        place.write_bytes(self.pem(made))
        secret.write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        return str(place), str(secret)


def chat_reply(text):
    return {"id": "c1", "object": "chat.completion", "created": 5,
            "model": "m", "choices": [
                {"index": 0, "finish_reason": "stop", "message": {
                    "role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2,
                      "total_tokens": 7}}


class Site:
    """An https server of one certificate; `clients`: a bundle of those who
    sign certificates that callers must show."""

    EVENTS = 40

    def __init__(self, certificate, key, clients=None, plain=False):
        site = self
        self.seen = []          # (path, body)
        self.shown = []         # certificates of callers
        self.connections = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                site.seen.append((self.path, body))
                if isinstance(self.connection, ssl.SSLSocket):
                    site.shown.append(self.connection.getpeercert())
                site.answer(self, body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def get_request(self):
                connection, address = self.socket.accept()
                if site.context:
                    connection = site.context.wrap_socket(
                        connection, server_side=True,
                        do_handshake_on_connect=False)
                site.connections += 1
                return connection, address

            def handle_error(self, *_):
                pass            # a handshake that failed

        self.context = None
        if not plain:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate, key)
            if clients:
                self.context.load_verify_locations(clients)
                self.context.verify_mode = ssl.CERT_REQUIRED
        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def chats(self):
        """Bodies of what was asked of a model."""
        return [body for path, body in list(self.seen) if "/chat/" in path]

    def answer(self, handler, body):
        if handler.path.endswith("/token"):
            self.say(handler, {"access_token": "token-of-the-house",
                               "expires_in": 3600, "token_type": "Bearer"})
        elif handler.path.endswith("/judge"):
            bad = b"forbidden" in body
            self.say(handler, {"categories": {"malware": 0.9 if bad else 0}})
        elif handler.path.endswith("/traces"):
            self.say(handler, {})
        elif b'"stream":true' in body.replace(b" ", b""):
            self.stream(handler)
        else:
            self.say(handler, chat_reply("Hello."))

    @staticmethod
    def say(handler, value):
        text = json.dumps(value).encode()
        handler.send_response(200)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def stream(self, handler):
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()

        def event(text):
            data = b"data: " + text + b"\n\n"
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        for i in range(self.EVENTS):
            event(json.dumps(
                {"id": "c1", "object": "chat.completion.chunk", "created": 5,
                 "model": "m", "choices": [
                     {"index": 0, "delta": {"content": f"{i} "},
                      "finish_reason": None}]}).encode())
        event(json.dumps(
            {"id": "c1", "object": "chat.completion.chunk", "created": 5,
             "model": "m", "choices": [{"index": 0, "delta": {},
                                        "finish_reason": "stop"}],
             "usage": {"prompt_tokens": 5, "completion_tokens": self.EVENTS,
                       "total_tokens": 5 + self.EVENTS}}).encode())
        event(b"[DONE]")
        handler.wfile.write(b"0\r\n\r\n")

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Proxy:
    """CONNECT, to wherever `names` leads.

    `mode`: "open"; a status that it refuses with; "silent"; "die" without an
    answer, "die-later" in the handshake behind it; "drip" its answer by the
    byte; "chatty", which says more than it should.
    """

    def __init__(self, names, user=None, tls=None):
        self.names = names
        self.user = user        # "name:password", or nobody is asked
        self.mode = "open"
        self.asked = []         # (target, authorization)
        self.refused = 0
        self.sockets = []
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.guard, args=(client,),
                             daemon=True).start()

    def guard(self, client):
        try:
            if self.context:
                client = self.context.wrap_socket(client, server_side=True)
            self.serve(client)
        except OSError:
            pass
        finally:
            client.close()

    def head(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            part = client.recv(1)
            if not part:
                return None
            head += part
        return head.decode()

    def serve(self, client):
        head = self.head(client)
        if head is None:
            return
        lines = head.split("\r\n")
        target = lines[0].split(" ")[1]
        fields = dict(line.lower().split(": ", 1) for line in lines[1:]
                      if ": " in line)
        shown = next((line.split(" ")[2] for line in lines[1:]
                      if line.startswith("Proxy-Authorization: Basic ")), None)
        assert lines[0].startswith("CONNECT ") and fields["host"] == target
        self.asked.append((target, shown))
        if self.user and shown != base64.b64encode(
                self.user.encode()).decode():
            self.refuse(client, 407)
        elif isinstance(self.mode, int):
            self.refuse(client, self.mode)
        elif self.mode == "silent":
            client.recv(1)
        elif self.mode != "die":
            self.open(client, target)

    def refuse(self, client, status):
        self.refused += 1
        text = b"<html>the proxy is sorry</html>"
        client.sendall(b"HTTP/1.1 %d No\r\ncontent-length: %d\r\n\r\n%s" %
                       (status, len(text), text))

    def open(self, client, target):
        answer = b"HTTP/1.1 200 Connection established\r\nvia: 1.1 p\r\n\r\n"
        if self.mode == "chatty":
            answer += b"and more"
        if self.mode == "drip":
            for byte in answer:
                client.sendall(bytes([byte]))
        else:
            client.sendall(answer)
        if self.mode == "die-later":
            client.recv(64)
            return
        server = socket.create_connection(("127.0.0.1", self.names[target]))
        self.sockets += [client, server]
        back = threading.Thread(target=self.carry, args=(server, client),
                                daemon=True)
        back.start()
        self.carry(client, server)
        back.join()
        server.close()

    @staticmethod
    def carry(source, sink):
        try:
            while part := source.recv(65536):
                sink.sendall(part)
        except OSError:
            pass
        for end in (sink, source):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Every open tunnel, at once."""
        for end in self.sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.sockets = []

    def targets(self):
        return [target for target, _ in self.asked]

    def stop(self):
        self.listener.close()
        self.cut()
