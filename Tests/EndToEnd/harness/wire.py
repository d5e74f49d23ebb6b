"""A small HTTP/1.1 client on a raw socket. It sends exactly the bytes it is given and checks every answer's framing itself."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# Headers that every answer must carry, whatever its status.
SECURITY_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class ConnectionEnded(AssertionError):
    """The peer closed or reset the connection before a whole answer had come."""


@dataclass
class Event:
    """One event of a text/event-stream."""

    name: str | None = None
    data: str | None = None
    id: str | None = None
    retry: int | None = None

    @property
    def message(self) -> Any:
        assert self.data is not None
        return json.loads(self.data)


@dataclass
class Response:
    status: int
    reason: str
    version: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1 or name.lower() in ("vary", "set-cookie"), f"{name} came {len(values)} times"
        return values[0] if values else None

    @property
    def media_type(self) -> str:
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def is_stream(self) -> bool:
        return self.media_type == "text/event-stream"

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def check_headers(self) -> None:
        for name, value in SECURITY_HEADERS.items():
            got = self.header(name)
            if name == "cache-control" and self.is_stream:
                # Caches must not keep it, and proxies must not rewrite or hold back a stream.
                directives = {word.strip() for word in (got or "").split(",")}
                assert directives == {"no-store", "no-cache", "no-transform"}, f"{self.status}: Cache-Control is {got!r}"
            else:
                assert got == value, f"{self.status}: {name} is {got!r}"
        assert self.header("server") is None or not any(c.isdigit() for c in self.header("server") or ""), "Server names a version"
        if self.body:
            assert self.header("content-type"), f"{self.status}: a body without Content-Type"


@dataclass
class Connection:
    """One TCP connection. Reads are bounded by `timeout` seconds each."""

    port: int
    host: str = "127.0.0.1"
    timeout: float = 10.0
    check: bool = True
    """Whether every answer's security headers are checked."""
    socket: socket.socket = field(init=False)
    buffer: bytearray = field(init=False, default_factory=bytearray)

    def __post_init__(self) -> None:
        self.socket = socket.create_connection((self.host, self.port), timeout=self.timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _more(self) -> bool:
        """Reads once; False at the end of the stream."""
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            return False
        except TimeoutError:
            raise AssertionError(f"no answer within {self.timeout:g} s; so far: {bytes(self.buffer[:300])!r}") from None
        self.buffer += data
        return bool(data)

    def _need(self, count: int) -> bytes:
        while len(self.buffer) < count:
            if not self._more():
                raise ConnectionEnded(f"ended after {len(self.buffer)} of {count} bytes")
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def _line(self) -> bytes:
        while (end := self.buffer.find(b"\r\n")) < 0:
            if not self._more():
                raise ConnectionEnded(f"ended in a line: {bytes(self.buffer[:200])!r}")
        taken = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return taken

    def read_head(self) -> Response:
        start = self._line().decode("ascii")
        version, _, rest = start.partition(" ")
        status, _, reason = rest.partition(" ")
        assert version == "HTTP/1.1", f"status line {start!r}"
        assert len(status) == 3 and status.isdigit(), f"status line {start!r}"
        headers = []
        while line := self._line():
            text = line.decode("ascii")
            name, colon, value = text.partition(":")
            assert colon and name and name == name.strip() and "\n" not in text and "\r" not in text, f"header line {text!r}"
            headers.append((name, value.strip()))
        return Response(int(status), reason, version, headers)

    def read_response(self, head_only: bool = False) -> Response:
        """One whole answer. For a stream that never ends use `read_head` and `events`."""
        response = self.read_head()
        length = response.header("content-length")
        coding = response.header("transfer-encoding")
        assert length is None or coding is None, "both Content-Length and Transfer-Encoding"
        if response.status == 204 or response.status == 304 or 100 <= response.status < 200:
            assert coding is None and length in (None, "0"), f"{response.status} with a body"
        elif head_only:
            pass
        elif coding is not None:
            assert coding.lower() == "chunked"
            response.body = b"".join(self._chunks())
        elif length is not None:
            response.body = self._need(int(length))
        else:
            while self._more():
                pass
            response.body = bytes(self.buffer)
            self.buffer.clear()
        if self.check and response.status >= 200:
            response.check_headers()
        return response

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size = self._line()
            assert size and all(c in b"0123456789abcdefABCDEF" for c in size), f"chunk size {size!r}"
            count = int(size, 16)
            if count == 0:
                assert self._line() == b"", "trailers after the last chunk"
                return
            data = self._need(count)
            assert self._need(2) == b"\r\n", "no CRLF after a chunk"
            yield data

    def events(self, response: Response) -> Iterator[Event]:
        """The events of a stream whose head was read; ends when the server ends the stream properly."""
        assert response.is_stream, f"{response.status} {response.headers}"
        if self.check:
            response.check_headers()
            assert response.header("content-length") is None, "a stream with Content-Length"
            assert response.header("x-accel-buffering") == "no"
        pieces = self._chunks() if (response.header("transfer-encoding") or "").lower() == "chunked" else self._until_close()
        text = b""
        event, seen = Event(), False
        for piece in pieces:
            text += piece
            while (end := text.find(b"\n")) >= 0:
                line, text = text[:end].rstrip(b"\r").decode("utf-8"), text[end + 1 :]
                if not line:
                    if seen:
                        yield event
                    event, seen = Event(), False
                    continue
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if name == "data":
                    event.data = value if event.data is None else event.data + "\n" + value
                    seen = True
                elif name == "event":
                    event.name, seen = value, True
                elif name == "id":
                    event.id, seen = value, True
                elif name == "retry":
                    event.retry, seen = int(value), True
                else:
                    assert name == "", f"stream line {line!r}"
        assert not text, f"the stream ended inside an event: {text[:200]!r}"

    def _until_close(self) -> Iterator[bytes]:
        while True:
            if self.buffer:
                taken = bytes(self.buffer)
                self.buffer.clear()
                yield taken
            elif not self._more():
                return

    def assert_closed(self, within: float = 5.0) -> None:
        """The server closes, and says nothing more before."""
        self.socket.settimeout(within)
        try:
            rest = bytes(self.buffer) or self.socket.recv(4096)
        except ConnectionResetError:
            return
        except TimeoutError:
            raise AssertionError(f"the connection is still open after {within:g} s") from None
        assert rest == b"", f"unexpected bytes: {rest[:200]!r}"

    def assert_open_and_silent(self, for_seconds: float = 0.05) -> None:
        assert not self.buffer, f"unexpected bytes: {bytes(self.buffer[:200])!r}"
        self.socket.settimeout(for_seconds)
        try:
            rest = self.socket.recv(4096)
        except TimeoutError:
            return
        finally:
            self.socket.settimeout(self.timeout)
        raise AssertionError(f"closed, or unexpected bytes: {rest[:200]!r}")


def request_bytes(
    method: str, target: str, headers: dict[str, str] | list[tuple[str, str]] | None = None, body: bytes | None = None, *,
    host: str | None = "localhost", version: str = "HTTP/1.1",
) -> bytes:
    """A request with Host (unless None) and Content-Length (when there is a body and no framing header of the caller's own)."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    names = {name.lower() for name, _ in pairs}
    lines = [f"{method} {target} {version}"]
    if host is not None and "host" not in names:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in pairs]
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def exchange(port: int, method: str, target: str, headers: dict[str, str] | None = None, body: bytes | None = None, *, host: str | None = None,
             timeout: float = 10.0) -> Response:
    """One request on a connection of its own."""
    with Connection(port, timeout=timeout) as connection:
        connection.send(request_bytes(method, target, headers, body, host=host or f"127.0.0.1:{port}"))
        return connection.read_response(head_only=method == "HEAD")


def wait_until_listening(port: int, within: float, host: str = "127.0.0.1") -> None:
    deadline = time.monotonic() + within
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise AssertionError(f"nobody listens on {host}:{port} after {within:g} s") from None
            time.sleep(0.002)
