"""A relay between a client that hides its bytes and the supervisor: it passes everything on as it comes, and reads along.

Afterwards both directions are taken apart as HTTP, and every JSON-RPC message in them is checked against the schema of its revision.
"""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

from . import schema
from .wire import Connection, ConnectionEnded, Response

LEGACY_WITHOUT_HEADER = "2025-03-26"


class Recorded(Connection):
    """What one side said on a connection, read as if it came now."""

    def __init__(self, data: bytes) -> None:
        self.buffer = bytearray(data)
        self.check = False
        self.timeout = 0.0

    def _more(self) -> bool:
        return False

    def read_request(self) -> tuple[str, dict[str, str], bytes]:
        """Method, headers and body. Raises ConnectionEnded when there is no whole request any more."""
        method = self._line().decode().partition(" ")[0]
        headers: dict[str, str] = {}
        while line := self._line().decode("latin-1"):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return method, headers, b"".join(self._chunks())
        return method, headers, self._need(int(headers.get("content-length", "0")))


class Conversation:
    def __init__(self) -> None:
        self.said = {"client": bytearray(), "server": bytearray()}

    def check(self, faults: list[str]) -> int:
        requests, responses = Recorded(bytes(self.said["client"])), Recorded(bytes(self.said["server"]))
        count = 0
        try:
            while requests.buffer:
                method, headers, body = requests.read_request()
                sent = json.loads(body) if body else None
                count += self.check_exchange(method, headers, sent, responses, faults)
        except ConnectionEnded:
            pass  # The rest was cut off when a side gave up.
        return count

    def check_exchange(self, method: str, headers: dict[str, str], sent: Any, responses: Recorded, faults: list[str]) -> int:
        revision = headers.get("mcp-protocol-version", LEGACY_WITHOUT_HEADER)
        asked = sent.get("method") if isinstance(sent, dict) else None
        if asked == "initialize":
            revision = sent["params"]["protocolVersion"]
        count = 0
        if isinstance(sent, dict):
            count += self.check_message("client", revision, sent, None, faults)
        head = responses.read_head()
        while head.status < 200:
            head = responses.read_head()
        for message in self.messages(head, responses):
            answers = "method" not in message
            if answers and asked == "initialize" and "result" in message:
                revision = message["result"]["protocolVersion"]
            count += self.check_message("server", revision, message, asked if answers else None, faults)
        return count

    def messages(self, head: Response, responses: Recorded) -> Any:
        if head.is_stream:
            for event in responses.events(head):
                if event.data:
                    yield event.message
            return
        coding = head.header("transfer-encoding")
        body = b"".join(responses._chunks()) if coding else responses._need(int(head.header("content-length") or "0"))
        if body and head.media_type == "application/json":
            found = json.loads(body)
            yield from (found if isinstance(found, list) else [found] if "jsonrpc" in found else [])

    def check_message(self, side: str, revision: str, message: dict[str, Any], method: str | None, faults: list[str]) -> int:
        try:
            schema.check_message(revision, message, method)
        except AssertionError as error:
            faults.append(f"the {side} said what {revision} does not allow: {error}")
        return 1


class Relay:
    """Listens on a port of its own. `check` looks at the conversations that have come since the last time; call it when they are over."""

    def __init__(self) -> None:
        self.target = 0
        """The supervisor's port; known only later, because the supervisor's `hosts` has to name the relay."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.conversations: list[Conversation] = []
        self.sockets: set[socket.socket] = set()
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return  # Closed.
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            conversation = Conversation()
            self.conversations.append(conversation)
            self.sockets |= {client, server}
            for side, source, sink in (("client", client, server), ("server", server, client)):
                threading.Thread(target=self.pump, args=(source, sink, conversation.said[side]), daemon=True).start()

    def pump(self, source: socket.socket, sink: socket.socket, record: bytearray) -> None:
        try:
            while data := source.recv(1 << 16):
                record += data
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.sockets.discard(source)

    def check(self) -> int:
        """Returns how many messages there were."""
        conversations, self.conversations = self.conversations, []
        faults: list[str] = []
        count = sum(conversation.check(faults) for conversation in conversations)
        assert not faults, "\n".join(faults[:5])
        return count

    def close(self) -> None:
        self.listener.close()
        for end in list(self.sockets):
            end.close()
