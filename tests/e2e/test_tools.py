# SPDX-License-Identifier: Apache-2.0
"""Tool servers through the official SDK: who may call what, and what is told."""
import asyncio
import contextlib
import http.server
import json
import pathlib
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] /
                       "harness"))
import lab  # noqa: E402
import world  # noqa: E402
from test_classifiers import Judge  # noqa: E402

mcp = pytest.importorskip("mcp")
httpx2 = pytest.importorskip("httpx2")
from mcp.client.streamable_http import streamable_http_client  # noqa: E402

SERVER = pathlib.Path(__file__).resolve().parent / "tool_server.py"

PERMIT = """
@id("tools-connect")
@title("Customers may look at tool servers")
@authority("The seller")
permit (principal, action == Action::"connect",
        resource in Bloc::"hosting");

@id("tools-read")
@title("Everybody may search")
@authority("The seller")
@filter("addresses")
permit (principal, action == Action::"call_tool", resource in Bloc::"hosting")
when { ["search", "long", "leak", "fail", "route"].contains(context.tool) };

@id("tools-judged")
@title("Texts may be turned, once somebody looked at them")
@authority("The seller")
@filter("judged")
permit (principal, action == Action::"call_tool", resource in Bloc::"hosting")
when { context.tool == "turn" };

@id("tools-close")
@title("Writers may close tickets")
@authority("The seller")
permit (principal in Project::"good/writers", action == Action::"call_tool",
        resource in Model::"tickets")
when { context.tool == "close_ticket" };

@id("tools-resources")
@title("Writers may read resources and prompts")
@authority("The seller")
permit (principal in Project::"good/writers",
        action in [Action::"read_resource", Action::"get_prompt"],
        resource in Model::"tickets");
"""


class Odd:
    """A server that says whatever the test puts into `reply`."""

    def __init__(self):
        odd = self
        self.seen = []
        self.reply = (200, {"Content-Type": "application/json"}, b"{}")

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                size = int(self.headers.get("content-length") or 0)
                odd.seen.append((dict(self.headers), self.rfile.read(size)))
                status, headers, body = odd.reply
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST
            do_DELETE = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()


def tool_server(name, port, **more):
    return {"name": name, "url": f"http://127.0.0.1:{port}/mcp",
            "provider": "other", "origin": "SG", "region": "here",
            "stored_in": "DE", "operator": "seller",
            "tools": ["search", "close_ticket", "long", "leak", "fail",
                      "turn", "route"],
            "timeouts": {"connect": "2 s", "first_byte": "60 s",
                         "idle": "60 s"},
            "breaker": "none", **more}


class Desk:
    """weir, three tool servers and two keys."""

    def __init__(self, where):
        self.where = pathlib.Path(where)
        self.odd = Odd()
        self.ports, self.servers = {}, []
        config = world.config({name: "http://127.0.0.1:9/v1" for name in
                               ("near", "far", "slow")}, lab.free_port(),
                              {}, 0)
        for name in ("listen", "tls", "routes"):
            config.pop(name)
        for name, mode in (("tickets", "sse"), ("plain", "json")):
            self.ports[name] = lab.free_port()
            self.servers.append(lab.Process(
                [sys.executable, SERVER, self.ports[name], mode],
                self.where / f"{name}.log"))
        self.ports["gone"] = lab.free_port()
        config["tool_servers"] = [
            tool_server("tickets", self.ports["tickets"], price="0.002",
                        resources=True, prompts=True,
                        web_origins=["https://app.example"]),
            tool_server("plain", self.ports["plain"]),
            tool_server("gone", self.ports["gone"]),
            tool_server("odd", self.odd.port)]
        config["filters"] = [
            {"name": "addresses", "rules": [
                {"detector": "mail", "action": "mask"}]},
            {"name": "judged", "rules": [
                {"classifier": "judge", "action": "block", "name": "bad"}]}]
        self.judge = Judge()
        self.judge.bad = ("forbidden",)
        config["classifiers"] = [{"name": "judge", "url": self.judge.url(),
                                  "timeout": "30 s",
                                  "thresholds": {"malware": "0.5"}}]
        config["tenants"][0]["projects"] = [{"name": "app"},
                                            {"name": "writers"}]
        self.weir = lab.Weir(self.where / "weir", config,
                             {**world.POLICIES, "seller/tools.cedar": PERMIT})
        for name in ("tickets", "plain"):
            lab.wait_for(lambda: lab.is_open(self.ports[name]), 60, name)
        self.weir.start()
        self.reader = self.weir.key("good/app")
        self.writer = self.weir.key("good/writers")
        self.short = self.weir.key("limited/app")

    def stop(self):
        self.weir.stop()
        for server in self.servers:
            server.kill()
        self.odd.server.shutdown()

    def url(self, name):
        return f"http://127.0.0.1:{self.weir.port}/mcp/{name}"

    def seen(self, name="tickets"):
        return json.loads(lab.exchange(self.ports[name], "GET",
                                       "/seen")[2])["calls"]

    def post(self, name, message, key=None, **headers):
        """One message without an SDK: status, headers, body."""
        if not isinstance(message, (bytes, str)):
            message = json.dumps(message)
        return lab.exchange(
            self.weir.port, "POST", "/mcp/" + name, message,
            {"Authorization": "Bearer " + (key or self.reader),
             "Accept": "application/json, text/event-stream",
             "Content-Type": "application/json",
             **{name.replace("_", "-"): value
                for name, value in headers.items()}})

    @contextlib.asynccontextmanager
    async def client(self, name, key, mode="legacy", **more):
        async with httpx2.AsyncClient(
                headers={"Authorization": "Bearer " + key},
                timeout=60) as http_client:
            async with mcp.Client(
                    streamable_http_client(self.url(name),
                                           http_client=http_client),
                    mode=mode, **more) as client:
                yield client


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    made = Desk(tmp_path_factory.mktemp("desk"))
    yield made
    made.stop()


def run(work):
    return asyncio.run(asyncio.wait_for(work, 120))


def names(listed):
    return sorted(tool.name for tool in listed.tools)


def text_of(result):
    return "".join(part.text for part in result.content)


def request(method, params=None, number=1):
    return {"jsonrpc": "2.0", "id": number, "method": method,
            **({"params": params} if params is not None else {})}


def call(tool, **arguments):
    return request("tools/call", {"name": tool, "arguments": arguments})


READER = ["fail", "leak", "long", "route", "search", "turn"]

SERVERS = [("tickets", "legacy"), ("plain", "legacy"), ("tickets", "auto"),
           ("plain", "auto")]


@pytest.mark.parametrize("name,mode", SERVERS)
def test_a_key_sees_and_calls_its_tools_and_no_other(desk, name, mode):
    async def work():
        async with desk.client(name, desk.reader, mode) as client:
            assert names(await client.list_tools()) == READER
            result = await client.call_tool("search", {"text": "lamp"})
            assert text_of(result) == "found lamp"
            before = desk.seen(name)
            for tool, arguments in (("close_ticket", {"number": 7}),
                                    ("undeclared", {})):
                with pytest.raises(mcp.MCPError) as refused:
                    await client.call_tool(tool, arguments)
                assert refused.value.error.code in (-32010, -32602)
                assert "weir" in refused.value.error.data
            assert desk.seen(name) == before
            # one refusal is not the end of the session
            result = await client.call_tool("search", {"text": "oil"})
            assert text_of(result) == "found oil"
    run(work())


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_another_key_has_other_tools(desk, mode):
    async def work():
        async with desk.client("tickets", desk.writer, mode) as client:
            assert names(await client.list_tools()) == sorted(
                READER + ["close_ticket"])
            result = await client.call_tool("close_ticket", {"number": 7})
            assert text_of(result) == "closed 7"
            assert ["close_ticket", 7] in desk.seen()
            listed = await client.list_resources()
            assert [str(row.uri) for row in listed.resources] == ["note://one"]
            read = await client.read_resource("note://one")
            assert read.contents[0].text == "the note"
            prompt = await client.get_prompt("greet", {"name": "Ada"})
            assert prompt.messages[0].content.text == "hello Ada"
    run(work())


def test_resources_and_prompts_need_a_permit_of_their_own(desk):
    async def work():
        async with desk.client("tickets", desk.reader) as client:
            for ask in (client.list_resources(), client.list_prompts(),
                        client.read_resource("note://one")):
                with pytest.raises(mcp.MCPError) as refused:
                    await ask
                assert refused.value.error.code == -32010
        async with desk.client("plain", desk.writer) as client:
            with pytest.raises(mcp.MCPError) as refused:
                await client.list_resources()
            assert refused.value.error.code == -32601
    run(work())


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_progress_passes_while_a_tool_works(desk, mode):
    heard = []

    async def note(progress, total, message):
        heard.append((progress, total, message))

    async def work():
        async with desk.client("tickets", desk.reader, mode) as client:
            result = await client.call_tool("long", {},
                                            progress_callback=note)
            assert text_of(result) == "done"
    run(work())
    assert heard == [(1, 3, "step 1"), (2, 3, "step 2"), (3, 3, "step 3")]


@pytest.mark.parametrize("name,mode", SERVERS)
def test_filters_read_arguments_and_results(desk, name, mode):
    async def work():
        async with desk.client(name, desk.reader, mode) as client:
            result = await client.call_tool("leak", {})
            assert text_of(result) == "write to [MAIL] now"
            result = await client.call_tool(
                "search", {"text": "of someone@example.org"})
            assert text_of(result) == "found of [MAIL]"
    run(work())
    assert ["search", "of [MAIL]"] in desk.seen(name)


@pytest.mark.parametrize("name,mode", SERVERS)
@pytest.mark.parametrize("region", ["here", "Zürich, 8001", "=?base64?eA==?="])
def test_headers_that_repeat_arguments_pass(desk, name, mode, region):
    async def work():
        async with desk.client(name, desk.reader, mode) as client:
            await client.list_tools()   # tells which arguments they are
            result = await client.call_tool(
                "route", {"region": region, "text": "lamp"})
            assert text_of(result) == f"lamp in {region}"
    run(work())


def test_a_header_says_nothing_that_a_filter_took_out(desk):
    desk.odd.reply = (200, {"Content-Type": "application/json"},
                      b'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}')
    for arguments, header, passes in (
            ({"text": "someone@example.org"}, "someone@example.org", False),
            ({"text": "lamp"}, "someone@example.org", False),
            ({"text": {"deep": ["x", 7]}, "n": 41}, "41", True),
            ({"text": "lamp", "yes": True}, "true", True),
            ({"text": "a b"}, "=?base64?YSBi?=", True),
            ({"text": "a b"}, "=?base64?YSBi", False),
            ({"text": "lamp"}, "lam", False)):
        desk.odd.seen.clear()
        status, _, body = desk.post(
            "odd", call("search", **arguments), Mcp_Param_Text=header,
            MCP_Protocol_Version="2026-07-28", Mcp_Method="tools/call",
            Mcp_Name="search")
        assert status == 200, body
        head = {name.lower(): value
                for name, value in desk.odd.seen[0][0].items()}
        assert head.get("mcp-param-text") == (header if passes else None)


@pytest.mark.parametrize("name,mode", SERVERS)
def test_classifiers_are_asked_about_arguments_and_results(desk, name, mode):
    async def work():
        async with desk.client(name, desk.reader, mode) as client:
            result = await client.call_tool("turn", {"text": "live"})
            assert text_of(result) == "evil"
            before = desk.seen(name)
            with pytest.raises(mcp.MCPError) as refused:
                await client.call_tool("turn", {"text": "what is forbidden"})
            assert refused.value.error.code == -32010
            assert desk.seen(name) == before
            with pytest.raises(mcp.MCPError) as refused:
                await client.call_tool("turn", {"text": "neddibrof si tahw"})
            assert refused.value.error.code == -32010
            result = await client.call_tool("turn", {"text": "on"})
            assert text_of(result) == "no"
    run(work())


def test_a_tool_that_fails_says_so_itself(desk):
    async def work():
        async with desk.client("tickets", desk.reader) as client:
            result = await client.call_tool("fail", {})
            assert result.is_error
    run(work())


def opened(desk, key):
    """A session of that key, as the client has it."""
    status, headers, body = desk.post("tickets", request("initialize", {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"}}), key)
    assert status == 200, body
    return headers["mcp-session-id"]


def test_a_session_is_of_no_use_to_another_key(desk):
    session = opened(desk, desk.writer)
    version = {"MCP_Protocol_Version": "2025-06-18"}
    status, _, _ = desk.post(
        "tickets", {"jsonrpc": "2.0", "method": "notifications/initialized"},
        desk.writer, Mcp_Session_Id=session, **version)
    assert status == 202
    status, _, body = desk.post("tickets", call("search", text="mine"),
                                desk.writer, Mcp_Session_Id=session,
                                **version)
    assert status == 200 and b"found mine" in body
    before = desk.seen()
    for stolen in (session, session.partition(".")[2], session[:-1] + "_"):
        status, _, body = desk.post("tickets", call("search", text="theft"),
                                    desk.reader, Mcp_Session_Id=stolen,
                                    **version)
        assert status == 404, body
        assert json.loads(body)["error"]["data"]["weir"]["code"] == \
            "bad_request"
        for method in ("GET", "DELETE"):
            status, _, _ = lab.exchange(
                desk.weir.port, method, "/mcp/tickets", None,
                {"Authorization": "Bearer " + desk.reader,
                 "Accept": "text/event-stream", "Mcp-Session-Id": stolen,
                 "MCP-Protocol-Version": "2025-06-18"})
            assert status == 404
    assert desk.seen() == before
    status, _, body = lab.exchange(
        desk.weir.port, "DELETE", "/mcp/tickets", None,
        {"Authorization": "Bearer " + desk.writer, "Mcp-Session-Id": session,
         "MCP-Protocol-Version": "2025-06-18"})
    assert status == 200, body
    status, _, body = desk.post("tickets", call("search", text="after"),
                                desk.writer, Mcp_Session_Id=session,
                                **version)
    assert status == 404, body


def test_http_around_the_message_is_checked(desk):
    ping = request("ping")
    cases = [({"Origin": "https://evil.example"}, 403),
             ({"MCP_Protocol_Version": "1999-01-01"}, 400),
             ({"Accept": "application/json"}, 406),
             ({"Accept": "text/event-stream"}, 406)]
    for headers, wanted in cases:
        status, _, body = desk.post("tickets", ping, **headers)
        assert status == wanted, (headers, body)
        assert json.loads(body)["jsonrpc"] == "2.0"
    status, _, body = desk.post("tickets", ping, key="wr_nobody")
    assert status == 401
    status, _, body = desk.post("nowhere", ping)
    assert status == 404
    status, _, body = desk.post("small", ping)
    assert status == 404
    desk.odd.reply = (200, {"Content-Type": "application/json"},
                      b'{"jsonrpc":"2.0","id":1,"result":{}}')
    status, _, body = desk.post("tickets", ping, Origin="https://app.example")
    assert status != 403
    status, _, body = desk.post("odd", ping, Origin="https://app.example")
    assert status == 403


APP = "https://app.example"
ASKS = {"Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,mcp-session-id"}


def small(headers):
    return {name.lower(): value for name, value in dict(headers).items()}


def test_a_browser_s_preflight_is_answered_by_the_list_of_origins(desk):
    status, headers, body = lab.exchange(
        desk.weir.port, "OPTIONS", "/mcp/tickets", None,
        {"Origin": APP, **ASKS})
    headers = small(headers)
    assert (status, body) == (204, b"")
    assert headers["access-control-allow-origin"] == APP
    assert "POST" in headers["access-control-allow-methods"]
    for name in ("authorization", "mcp-session-id", "mcp-protocol-version",
                 "content-type", "last-event-id"):
        assert name in headers["access-control-allow-headers"].split(", ")
    assert headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in headers
    for name, more in (("tickets", {"Origin": "https://evil.example"}),
                       ("tickets", {}), ("tickets", {"Origin": "null"}),
                       ("tickets", {"Origin": APP + ".evil.example"}),
                       ("plain", {"Origin": APP}),
                       ("nowhere", {"Origin": APP})):
        status, headers, body = lab.exchange(
            desk.weir.port, "OPTIONS", "/mcp/" + name, None, {**ASKS, **more})
        assert status == 403, (name, more)
        assert "access-control-allow-origin" not in small(headers)
        assert json.loads(body)["jsonrpc"] == "2.0"
    status, _, _ = lab.exchange(desk.weir.port, "OPTIONS",
                                "/v1/chat/completions", None, {"Origin": APP})
    assert status == 405


def test_a_page_reads_replies_and_refusals_and_nobody_else_does(desk):
    desk.odd.reply = (200, {"Content-Type": "application/json",
                            "Access-Control-Allow-Origin": "*",
                            "Access-Control-Allow-Credentials": "true"},
                      b'{"jsonrpc":"2.0","id":1,"result":{}}')
    status, headers, _ = desk.post("odd", request("ping"))
    assert status == 200    # a server's own word does not count
    assert not any(name.startswith("access-control")
                   for name in small(headers))
    for key, wanted in ((None, 200), ("wr_nobody", 401)):
        status, headers, _ = desk.post(
            "tickets", request("tools/list"), key=key, Origin=APP)
        headers = small(headers)
        assert headers["access-control-allow-origin"] == APP
        assert "mcp-session-id" in headers["access-control-expose-headers"]
        assert status == wanted or wanted == 200
    status, headers, _ = desk.post("tickets", request("ping"),
                                   Origin="https://evil.example")
    assert status == 403
    assert "access-control-allow-origin" not in small(headers)


def test_only_listed_methods_and_single_messages_pass(desk):
    desk.odd.seen.clear()
    cases = [(request("weights/get"), 200, -32601),
             (request("tasks/get", {"taskId": "1"}), 200, -32601),
             ([request("ping")], 400, -32600),
             ("{", 400, -32700),
             ('{"jsonrpc":"2.0","id":1,"method":"ping","method":"x"}', 400,
              -32700),
             (request("tools/call", {}), 200, -32600)]
    for message, wanted, code in cases:
        status, _, body = desk.post("odd", message)
        assert (status, json.loads(body)["error"]["code"]) == (wanted, code), \
            message
    status, _, _ = desk.post("odd", call("search"), Mcp_Method="ping")
    assert status == 200
    assert desk.odd.seen == []


def error_of(reply):
    status, _, body = reply
    assert status == 200, body
    return json.loads(body)["error"]


def test_what_a_server_does_wrong_is_the_answer_to_the_call(desk):
    as_json = {"Content-Type": "application/json"}
    as_events = {"Content-Type": "text/event-stream"}
    for reply in ((500, {"Content-Type": "text/html"}, b"<h1>trace"),
                  (401, {}, b"whose token?"),
                  (200, as_json, b"nonsense"),
                  (200, as_json, b'{"jsonrpc":"2.0","id":2,"result":{}}'),
                  (302, {"Location": "http://127.0.0.1/"}, b"")):
        desk.odd.reply = reply
        error = error_of(desk.post("odd", call("search")))
        assert error["code"] == -32013, reply
        assert "trace" not in json.dumps(error)
    for body in (b"data: nonsense\n\n", b": nothing\n\n",
                 b'data: {"jsonrpc":"2.0","id":1,"result":{"tools":7}}\n\n'):
        desk.odd.reply = (200, as_events, body)
        with contextlib.suppress(OSError):
            _, _, told = desk.post("odd", call("search"))
            assert b'"id":1,"error":{"code":-32013' in told
    desk.odd.reply = (200, {**as_json, "Content-Encoding": "gzip"}, b"zzz")
    assert error_of(desk.post("odd", request("tools/list")))["code"] == -32013
    error = error_of(desk.post("gone", call("search")))
    assert error["code"] == -32013
    assert "connect" in error["data"]["weir"]["hop"]


def test_lists_are_cut_on_every_page_and_in_repeated_events(desk):
    listed = [{"name": "search", "inputSchema": {}},
              {"name": "close_ticket", "inputSchema": {}},
              {"name": "undeclared", "inputSchema": {}}]
    answer = {"jsonrpc": "2.0", "id": 1,
              "result": {"tools": listed, "nextCursor": "page-2"}}
    desk.odd.reply = (200, {"Content-Type": "application/json"},
                      json.dumps(answer).encode())
    status, _, body = desk.post("odd", request("tools/list",
                                               {"cursor": "page-1"}))
    told = json.loads(body)["result"]
    assert [tool["name"] for tool in told["tools"]] == ["search"]
    assert told["nextCursor"] == "page-2"
    # a stream that is taken up again repeats what another request was told
    desk.odd.reply = (200, {"Content-Type": "text/event-stream"},
                      b"id: e1\ndata: " +
                      json.dumps({**answer, "id": 9}).encode() + b"\n\n")
    status, headers, body = lab.exchange(
        desk.weir.port, "GET", "/mcp/odd", None,
        {"Authorization": "Bearer " + desk.reader,
         "Accept": "text/event-stream"})
    assert status == 200 and b"close_ticket" not in body
    event = next(line[4:].decode() for line in body.splitlines()
                 if line.startswith(b"id: "))
    assert event.endswith(".e1")
    for key, wanted in ((desk.reader, 200), (desk.writer, 404)):
        desk.odd.seen.clear()
        status, _, _ = lab.exchange(
            desk.weir.port, "GET", "/mcp/odd", None,
            {"Authorization": "Bearer " + key, "Last-Event-ID": event,
             "Accept": "text/event-stream"})
        assert status == wanted
        assert [head.get("Last-Event-ID") for head, _ in desk.odd.seen] == \
            (["e1"] if wanted == 200 else [])


def test_the_server_hears_nothing_of_the_client_but_the_message(desk):
    desk.odd.reply = (200, {"Content-Type": "application/json"},
                      b'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}')
    desk.odd.seen.clear()
    message = json.dumps(call("search", text="a  b"))
    status, _, _ = desk.post("odd", message, Cookie="secret=1",
                             Mcp_Param_Text="a@b.example",
                             MCP_Protocol_Version="2025-11-25")
    assert status == 200
    head, body = desk.odd.seen[0]
    assert body.decode() == message
    assert head["MCP-Protocol-Version"] == "2025-11-25"
    told = {name.lower() for name in head}
    assert not told & {"authorization", "cookie", "mcp-param-text", "origin"}


def test_calls_are_on_record_metered_and_audited(desk):
    async def work():
        async with desk.client("tickets", desk.writer) as client:
            for number in (1, 2, 3):
                await client.call_tool("close_ticket", {"number": number})

    def spent():
        rows = desk.weir.usage("good", "model")
        row = next((row for row in rows if row["model"] == "tickets"), None)
        return row and (row["input_tokens"], row["cost_micros"])

    status, headers, _ = desk.post("tickets", call("close_ticket", number=1))
    refused = headers["weir-request-id"]
    assert status == 200 and headers["weir-decision"] == "deny"
    ran = len(desk.seen())
    run(work())
    # one unit and its price for each call that the server answered
    lab.wait_for(lambda: spent() == (ran + 3, 2000 * (ran + 3)), 60,
                 "three calls at their price")
    explained = lab.wait_for(
        lambda: json.loads(desk.weir.cli("explain", refused, "--json",
                                         check=False).stdout or "null"),
        60, "the refusal on record")
    assert explained["what"]["operation"] == "call_tool"
    assert explained["what"]["method"] == "tools/call"
    assert explained["what"]["tool"] == "close_ticket"
    # what was recorded is decided the same again, and otherwise without it
    report = desk.weir.json("simulate", check=False)
    assert report["is_same"], report.get("difference")
    assert report["effects"]["same"]["calls"] > ran
    report = desk.weir.json("simulate", "--withdraw", "model", "tickets",
                            check=False)
    assert report["effects"]["cut_off"]["calls"] > ran
    done = desk.weir.audit(60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_requests_of_a_tenant_run_out(desk):
    desk.odd.reply = (200, {"Content-Type": "application/json"},
                      b'{"jsonrpc":"2.0","id":1,"result":{}}')

    def full():
        _, _, body = desk.post("odd", request("ping"), desk.short)
        error = json.loads(body).get("error")
        return error and error["code"] == -32011
    lab.wait_for(full, 60, "three in a minute")


def test_a_stream_of_the_servers_own_lasts_until_the_client_leaves(desk):
    async def work():
        async with desk.client("tickets", desk.reader) as client:
            assert names(await client.list_tools()) == READER
    run(work())


def test_a_server_is_no_model(desk):
    status, _, body = lab.exchange(
        desk.weir.port, "GET", "/v1/models?all=1", None,
        {"Authorization": "Bearer " + desk.reader})
    assert status == 200 and b"tickets" not in body
    status, _, body = lab.exchange(
        desk.weir.port, "POST", "/v1/chat/completions",
        json.dumps({"model": "tickets", "messages": []}),
        {"Authorization": "Bearer " + desk.reader})
    assert status == 400 and b"operation_not_offered" in body
