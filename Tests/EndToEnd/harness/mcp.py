"""MCP over raw HTTP, one class an era. Every message that comes back is checked against the schema of its revision."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from . import schema
from .wire import Connection, Response, request_bytes

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26")
META = "io.modelcontextprotocol/"
BOTH = "application/json, text/event-stream"


@dataclass
class Exchange:
    """An HTTP answer and the JSON-RPC messages in it, in their order."""

    http: Response
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> int:
        return self.http.status

    @property
    def answer(self) -> dict[str, Any]:
        answers = [message for message in self.messages if "method" not in message]
        assert len(answers) == 1, f"{len(answers)} answers in {self.status}: {self.messages}"
        return answers[0]

    @property
    def result(self) -> Any:
        assert "result" in self.answer, f"{self.status}: {self.answer}"
        return self.answer["result"]

    @property
    def error(self) -> dict[str, Any]:
        assert "error" in self.answer, f"{self.status}: {self.answer}"
        return self.answer["error"]

    @property
    def code(self) -> int:
        return self.error["code"]

    @property
    def notifications(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if "method" in message]

    @property
    def text(self) -> str:
        """The text blocks of a tool result."""
        return "".join(block["text"] for block in self.result["content"] if block["type"] == "text")


class Client:
    """What both eras share: one kept connection, opened again when the server has closed it."""

    revision: str

    def __init__(self, port: int, *, path: str = "/mcp", host: str = "127.0.0.1", headers: dict[str, str] | None = None, timeout: float = 15.0) -> None:
        self.port = port
        self.path = path
        self.host = host
        self.timeout = timeout
        self.extra = headers or {}
        self.ids = itertools.count(1)
        self._connection: Connection | None = None

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self.port, host=self.host, timeout=self.timeout)
        return self._connection

    def post_bytes(self, body: bytes, headers: dict[str, str]) -> bytes:
        authority = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        return request_bytes(
            "POST", self.path, {"Content-Type": "application/json", "Accept": BOTH, **self.extra, **headers}, body, host=authority)

    def post(self, body: bytes, headers: dict[str, str], method: str | None = None) -> Exchange:
        connection = self.connection
        connection.send(self.post_bytes(body, headers))
        return self.read(method)

    def read(self, method: str | None = None) -> Exchange:
        """Reads one whole answer from the kept connection, be it JSON or a stream."""
        connection = self.connection
        try:
            head = connection.read_head()
            while head.status < 200:
                head = connection.read_head()
            exchange = Exchange(head)
            if head.is_stream:
                for event in connection.events(head):
                    assert event.name in (None, "message"), event
                    if event.data:
                        exchange.messages.append(event.message)
            else:
                coding = head.header("transfer-encoding")
                head.body = b"".join(connection._chunks()) if coding else connection._need(int(head.header("content-length") or "0"))
                head.check_headers()
                if head.body and head.media_type == "application/json":
                    parsed = head.json
                    # A refusal of HTTP itself is no JSON-RPC message; everything else here is.
                    if isinstance(parsed, list) or head.status < 400 or "jsonrpc" in parsed:
                        exchange.messages += parsed if isinstance(parsed, list) else [parsed]
        except BaseException:
            self.close()
            raise
        if (head.header("connection") or "").lower() == "close":
            self.close()
        for message in exchange.messages:
            schema.check_message(self.revision, message, method)
        return exchange


class LegacySession(Client):
    """A session of 2025-03-26 to 2025-11-25."""

    def __init__(self, port: int, revision: str = "2025-11-25", *, initialize: bool = True, capabilities: dict[str, Any] | None = None, **rest: Any) -> None:
        super().__init__(port, **rest)
        self.revision = revision
        self.capabilities = capabilities or {}
        self.session_id: str | None = None
        self.server: dict[str, Any] = {}
        if initialize:
            self.initialize()

    def headers(self) -> dict[str, str]:
        result = {}
        if self.session_id is not None:
            result["Mcp-Session-Id"] = self.session_id
            if self.revision >= "2025-06-18":
                result["MCP-Protocol-Version"] = self.revision
        return result

    def initialize(self) -> Exchange:
        exchange = self.request(
            "initialize",
            {"protocolVersion": self.revision, "capabilities": self.capabilities, "clientInfo": {"name": "end-to-end", "version": "1"}})
        assert exchange.status == 200, exchange
        self.server = exchange.result
        assert self.server["protocolVersion"] == self.revision
        self.session_id = exchange.http.header("mcp-session-id")
        assert self.session_id and all(0x21 <= ord(c) <= 0x7E for c in self.session_id), self.session_id
        assert self.notify("notifications/initialized").status == 202
        return exchange

    def body(self, method: str, params: dict[str, Any] | None, id: Any) -> bytes:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if id is not None:
            message["id"] = id
        if params is not None:
            message["params"] = params
        return json.dumps(message).encode()

    def request(self, method: str, params: dict[str, Any] | None = None, *, id: Any = None, headers: dict[str, str] | None = None) -> Exchange:
        id = next(self.ids) if id is None else id
        exchange = self.post(self.body(method, params, id), {**self.headers(), **(headers or {})}, method)
        for message in exchange.messages:
            if "method" not in message and "id" in message:
                assert message["id"] == id and type(message["id"]) is type(id), f"asked {id!r}, answered {message['id']!r}"
        return exchange

    def notify(self, method: str, params: dict[str, Any] | None = None, *, headers: dict[str, str] | None = None) -> Exchange:
        return self.post(self.body(method, params, None), {**self.headers(), **(headers or {})})

    def call(self, tool: str, arguments: dict[str, Any] | None = None, *, token: Any = None, id: Any = None) -> Exchange:
        params: dict[str, Any] = {"name": tool, "arguments": arguments or {}}
        if token is not None:
            params["_meta"] = {"progressToken": token}
        return self.request("tools/call", params, id=id)

    def get(self, headers: dict[str, str] | None = None) -> tuple[Connection, Response]:
        """Opens the GET stream on a connection of its own; the caller closes it."""
        connection = Connection(self.port, host=self.host, timeout=self.timeout)
        connection.send(request_bytes(
            "GET", self.path, {"Accept": "text/event-stream", **self.extra, **self.headers(), **(headers or {})}, host=f"{self.host}:{self.port}"))
        return connection, connection.read_head()

    def delete(self) -> Exchange:
        self.connection.send(request_bytes("DELETE", self.path, {**self.extra, **self.headers()}, host=f"{self.host}:{self.port}"))
        return self.read()


class ModernClient(Client):
    """A client of 2026-07-28: no session, everything in each request."""

    revision = MODERN

    def meta(self, **more: Any) -> dict[str, Any]:
        return {META + "protocolVersion": MODERN, META + "clientCapabilities": {}, META + "clientInfo": {"name": "end-to-end", "version": "1"}, **more}

    def standard_headers(self, method: str, params: dict[str, Any]) -> dict[str, str]:
        headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        name = params.get("name") if method in ("tools/call", "prompts/get") else params.get("uri") if method == "resources/read" else None
        if name is not None:
            headers["Mcp-Name"] = name
        return headers

    def request(
        self, method: str, params: dict[str, Any] | None = None, *, id: Any = None, meta: dict[str, Any] | None = None,
        headers: dict[str, str | None] | None = None,
    ) -> Exchange:
        """A header of None leaves the standard one out. `meta` replaces the whole `_meta` (an empty one leaves it out)."""
        id = next(self.ids) if id is None else id
        params = dict(params or {})
        sent = {**self.standard_headers(method, params), **(headers or {})}
        if meta is None:
            params["_meta"] = {**self.meta(), **params.get("_meta", {})}
        elif meta:
            params["_meta"] = meta
        body = json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode()
        exchange = self.post(body, {name: value for name, value in sent.items() if value is not None}, method)
        for message in exchange.messages:
            if "method" not in message and "id" in message:
                assert message["id"] == id and type(message["id"]) is type(id), f"asked {id!r}, answered {message['id']!r}"
        return exchange

    def call(self, tool: str, arguments: dict[str, Any] | None = None, *, token: Any = None, id: Any = None, log: str | None = None) -> Exchange:
        meta: dict[str, Any] = {}
        if token is not None:
            meta["progressToken"] = token
        if log is not None:
            meta[META + "logLevel"] = log
        return self.request("tools/call", {"name": tool, "arguments": arguments or {}, "_meta": meta}, id=id)
