# SPDX-License-Identifier: Apache-2.0
"""A tool server as the official SDK makes them: PORT sse|json.

GET /seen tells which tools ran, and with what, so that a test knows what
reached it.
"""
import sys
from typing import Annotated

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from pydantic import Field
from starlette.responses import JSONResponse

server = MCPServer("tickets")
seen = []


@server.tool()
def search(text: str) -> str:
    """Finds tickets."""
    seen.append(["search", text])
    return f"found {text}"


@server.tool()
def route(region: Annotated[str, Field(json_schema_extra={
        "x-mcp-header": "Region"})], text: str) -> str:
    """Repeats its region in a header, where the revision has that."""
    seen.append(["route", region, text])
    return f"{text} in {region}"


@server.tool()
def close_ticket(number: int) -> str:
    """Closes one."""
    seen.append(["close_ticket", number])
    return f"closed {number}"


@server.tool()
def leak() -> str:
    """Tells an address."""
    seen.append(["leak"])
    return "write to someone@example.org now"


@server.tool()
def fail() -> str:
    """Always fails."""
    seen.append(["fail"])
    raise ValueError("no such ticket")


@server.tool()
def turn(text: str) -> str:
    """Says it from the end."""
    seen.append(["turn", text])
    return text[::-1]


@server.tool()
def undeclared() -> str:
    """Is not in anybody's configuration."""
    seen.append(["undeclared"])
    return "secret"


@server.tool()
async def long(context: Context) -> str:
    """Reports how far it is."""
    seen.append(["long"])
    for i in range(3):
        await context.report_progress(i + 1, 3, f"step {i + 1}")
    return "done"


@server.resource("note://one")
def note() -> str:
    """A note."""
    return "the note"


@server.prompt()
def greet(name: str) -> str:
    """Says hello."""
    return f"hello {name}"


@server.custom_route("/seen", methods=["GET"])
async def tell(request):
    return JSONResponse({"calls": seen})


if __name__ == "__main__":
    app = server.streamable_http_app(json_response=sys.argv[2] == "json")
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]),
                log_level="warning")
