"""The messages of the benchmarks: one tools/call of about 300 bytes, in the stateless revision and in the session revision."""

import http.client
import json

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
TEXT = "The quick brown fox jumps over the lazy dog"
CLIENT = {"name": "bench", "version": "1.0.0"}
META = "io.modelcontextprotocol/"


def compact(message) -> str:
    return json.dumps(message, separators=(",", ":"))


def modern(method, params=None, identity=1) -> str:
    """One request of 2026-07-28 with the envelope that the revision asks for."""
    meta = {f"{META}protocolVersion": MODERN, f"{META}clientCapabilities": {}, f"{META}clientInfo": CLIENT}
    return compact({"jsonrpc": "2.0", "id": identity, "method": method, "params": {**(params or {}), "_meta": meta}})


def modern_fields(method, name=None) -> dict:
    fields = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": method,
    }
    return {**fields, "Mcp-Name": name} if name else fields


def legacy(method, params=None, identity=1) -> str:
    message = {"jsonrpc": "2.0"}
    if identity is not None:
        message["id"] = identity
    message["method"] = method
    if params is not None:
        message["params"] = params
    return compact(message)


def legacy_fields() -> dict:
    return {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": LEGACY,
    }


INITIALIZE = legacy("initialize", {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": CLIENT}, 0)
INITIALIZED = legacy("notifications/initialized", identity=None)
ECHO = {"name": "echo", "arguments": {"text": TEXT}}
CHANGE = {"name": "change", "arguments": {}}
#: Ten rows of the sample database.
QUERY = {"name": "query_view", "arguments": {"database": "sample", "view_name": "product_catalog", "limit": 10}}
LISTEN = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})


def modern_call(name, arguments):
    """Fields and body of a tools/call."""
    return modern_fields("tools/call", name), modern("tools/call", {"name": name, "arguments": arguments})


def modern_echo():
    return modern_call(ECHO["name"], ECHO["arguments"])


def legacy_echo():
    """The same call for a peer that knows sessions only; padded to the size of the modern one, so that all read equally much."""
    fields, body = legacy_fields(), legacy("tools/call", {**ECHO, "_meta": {"padding": ""}})
    missing = len(modern_echo()[1]) - len(body)
    return fields, body.replace('"padding":""', f'"padding":"{"x" * max(missing, 0)}"')


def raw_request(port, fields, body, method="POST") -> bytes:
    """A whole HTTP/1.1 request as the C tools send it."""
    head = [f"{method} /mcp HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    head += [f"{name}: {value}" for name, value in fields.items()]
    if method == "POST":
        head.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def exchange(connection, path, fields, body):
    """One request on a connection that may stay open: status, session id, parsed body (or None)."""
    connection.request("POST", path, body.encode(), fields)
    response = connection.getresponse()
    payload = response.read()
    return response.status, response.getheader("Mcp-Session-Id"), json.loads(payload) if payload.startswith(b"{") else None


def post(port, fields, body):
    """One request, for preparations that are not timed: status, session id, parsed body (or None)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        return exchange(connection, "/mcp", fields, body)
    finally:
        connection.close()
