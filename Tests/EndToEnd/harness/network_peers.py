"""The peers that come over the network without an SDK: HTTP+SSE of 2024-11-05, WebSocket, REST."""

from __future__ import annotations

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from .peers import AnyPeer, Peer, RPCError, Running
from .wire import Connection, ConnectionEnded, request_bytes

JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class SSEPeer(Peer):
    """HTTP+SSE as 2024-11-05 has it: one stream for all that comes, a POST for all that goes."""

    def __init__(self, port: int, revision: str = "2024-11-05", path: str = "/sse") -> None:
        super().__init__(revision)
        self.port, self.path = port, path
        self.authority = f"127.0.0.1:{port}"
        self.check_headers = True
        """Whether the security headers that every answer of the supervisor has are asked for."""

    def connect(self) -> None:
        self.stream = Connection(self.port, timeout=60, check=self.check_headers)
        self.stream.send(request_bytes("GET", self.path, {"Accept": "text/event-stream"}, host=self.authority))
        head = self.stream.read_head()
        if head.status != 200 or not head.is_stream:
            self.stream.close()
            raise RPCError(head.status, f"no stream at {self.path}")
        self.stream_events = self.stream.events(head)
        first = next(self.stream_events)
        assert first.name == "endpoint" and first.data, first
        parts = urlsplit(urljoin(f"http://{self.authority}{self.path}", first.data))
        assert parts.netloc == self.authority, f"the endpoint {first.data} is elsewhere"
        self.endpoint = f"{parts.path}?{parts.query}"

    def transmit(self, message: dict[str, Any]) -> None:
        with Connection(self.port, check=self.check_headers) as connection:
            connection.send(request_bytes("POST", self.endpoint, {"Content-Type": "application/json"}, json.dumps(message).encode(), host=self.authority))
            response = connection.read_response()
        if response.status != 202:
            raise RPCError(response.status, f"the POST of {message.get('method')} was answered {response.status}: {response.body[:200]!r}")

    def incoming(self) -> Iterator[Any]:
        for event in self.stream_events:
            assert event.name in (None, "message") and event.data, event
            assert event.id is None, f"an event id, which this transport has not: {event}"
            yield event.message

    def hang_up(self) -> None:
        try:
            self.stream.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.reader.join(5)
        self.stream.close()


class WebSocketPeer(Peer):
    """One message a text frame, on /mcp or /ws."""

    def __init__(self, port: int, path: str, revision: str = "2025-11-25") -> None:
        super().__init__(revision)
        self.url = f"ws://127.0.0.1:{port}{path}"

    def connect(self) -> None:
        from websockets.exceptions import InvalidHandshake, InvalidMessage
        from websockets.sync.client import connect

        try:
            self.socket = connect(self.url, subprotocols=["mcp"], open_timeout=10, proxy=None, compression=None, max_size=64 << 20)
        except (InvalidHandshake, InvalidMessage) as error:
            raise RPCError(0, f"no WebSocket at {self.url}: {error}") from None
        assert self.socket.subprotocol == "mcp"

    def transmit(self, message: dict[str, Any]) -> None:
        self.socket.send(json.dumps(message))

    def incoming(self) -> Iterator[Any]:
        for frame in self.socket:
            assert isinstance(frame, str), "a binary frame"
            yield json.loads(frame)

    def hang_up(self) -> None:
        self.socket.close()
        self.reader.join(5)


class RESTPeer(AnyPeer):
    """Plain HTTP: a resource and a body, a result and a status.

    GET /mcp/tools and POST /mcp/tools/call where `plain` is set, else the routes of /mcp/v1; what has no route of its own goes as JSON-RPC to
    /mcp/v1/jsonrpc. A refusal has a status of 400 or more and the body {"error": {"code", "message", "data"?}}.
    """

    # Its values are those of a session of this revision.
    revision = "2025-11-25"
    ROUTES = ("tools/list", "tools/call", "resources/list", "resources/read")

    def __init__(self, port: int, plain: bool = False) -> None:
        super().__init__()
        self.port, self.plain = port, plain
        self.authority = f"127.0.0.1:{port}"
        self.streams: list[Connection] = []

    def open(self) -> None:
        result = self.exchange("POST", "/mcp/v1/initialize", {}, Connection(self.port))
        assert "serverInfo" in result, result

    def close(self) -> None:
        for stream in self.streams:
            try:
                stream.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def exchange(self, method: str, path: str, body: dict[str, Any] | None, connection: Connection, headers: dict[str, str] | None = None) -> dict[str, Any]:
        with connection:
            data = None if body is None else json.dumps(body).encode()
            connection.send(request_bytes(method, path, {**JSON, **(headers or {})}, data, host=self.authority))
            response = connection.read_response()
        found = response.json if response.media_type == "application/json" else {}
        if response.status >= 400:
            error = found.get("error") if isinstance(found, dict) else None
            raise RPCError(**error) if isinstance(error, dict) and "code" in error else RPCError(response.status, response.body[:200].decode(errors="replace"))
        return found

    def perform(self, method: str, params: dict[str, Any], connection: Connection, headers: dict[str, str]) -> dict[str, Any]:
        if self.plain and method == "tools/list":
            cursor = f"?cursor={quote(params['cursor'], safe='')}" if "cursor" in params else ""
            return self.exchange("GET", f"/mcp/tools{cursor}", None, connection, headers)
        if self.plain and method == "tools/call":
            return self.exchange("POST", "/mcp/tools/call", params, connection, headers)
        if method in self.ROUTES:
            return self.exchange("POST", f"/mcp/v1/{method}", params, connection, headers)
        answer = self.exchange("POST", "/mcp/v1/jsonrpc", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, connection, headers)
        if "error" in answer:
            raise RPCError(**answer["error"])
        return answer["result"]

    def start(self, method: str, params: dict[str, Any], progress: bool = False) -> Running:
        running = Running(self, uuid.uuid4().hex)
        headers = {"X-Operation-Id": running.id} if progress else {}
        if progress:
            self.follow(f"/mcp/v1/sse/progress/{running.id}", lambda _, params: running.progress.append(
                {key: value for key, value in params.items() if key in ("progress", "total", "message")}))
        connection = Connection(self.port, timeout=30)
        running.connection = connection  # type: ignore[attr-defined]

        def run() -> None:
            try:
                running.outcome.put(self.perform(method, params, connection, headers))
            except (RPCError, AssertionError, OSError) as error:
                running.outcome.put(error)

        threading.Thread(target=run, daemon=True).start()
        return running

    def cancel(self, running: Running) -> None:
        running.connection.socket.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]

    def follow(self, path: str, take: Any) -> Connection:
        """Opens a stream and gives each of its events, as method and params, to `take`."""
        connection = Connection(self.port, timeout=60)
        connection.send(request_bytes("GET", path, {"Accept": "text/event-stream"}, host=self.authority))
        head = connection.read_head()
        if head.status != 200 or not head.is_stream:
            connection.close()
            raise RPCError(head.status, f"no stream at {path}")
        self.streams.append(connection)

        def run() -> None:
            try:
                for event in connection.events(head):
                    if event.data:
                        message = event.message
                        take(message.get("method", event.name), message.get("params", message))
            except (AssertionError, OSError, ConnectionEnded):
                pass  # The stream ends with the test.

        threading.Thread(target=run, daemon=True).start()
        return connection

    def note(self, method: str, params: dict[str, Any]) -> None:
        self.events.append({"method": method, "params": params})

    def watch(self) -> None:
        self.follow("/mcp/v1/sse/subscribe", self.note)

    def subscribe(self, uri: str) -> None:
        self.follow("/mcp/v1/sse/subscribe", self.note)
        self.exchange("POST", "/mcp/v1/subscriptions", {"uri": uri}, Connection(self.port))

    def unsubscribe(self, uri: str) -> None:
        self.exchange("DELETE", f"/mcp/v1/subscriptions?uri={quote(uri, safe='')}", None, Connection(self.port))

    def set_level(self, level: str) -> None:
        """REST has no session that could have a level."""
