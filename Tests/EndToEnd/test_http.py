"""HTTP/1.1 on a raw socket: what is well-formed works in every form, what is not gets its documented refusal and nothing else happens."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator

import pytest

from harness import wire
from harness.mcp import BOTH, META, MODERN, LegacySession, ModernClient
from harness.processes import eventually
from harness.supervisor import Supervisor, python_server
from harness.wire import Connection, request_bytes

CRLF = b"\r\n"
MESSAGE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
    META + "protocolVersion": MODERN, META + "clientCapabilities": {}}}}).encode()
HEADERS = {"Content-Type": "application/json", "Accept": BOTH, "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"}


@pytest.fixture
def connection(plain: Supervisor) -> Iterator[Connection]:
    with Connection(plain.port) as connection:
        yield connection
    assert plain.health()["status"] == "healthy", "the service is well after every test"


def post(extra: dict[str, str] | None = None, body: bytes | None = MESSAGE, **options: str) -> bytes:
    return request_bytes("POST", "/mcp", {**HEADERS, **(extra or {})}, body, **options)


def head(*lines: bytes) -> bytes:
    """A POST with exactly these extra header lines and no framing of its own."""
    base = request_bytes("POST", "/mcp", HEADERS)
    return base[:-2] + b"".join(line + CRLF for line in lines) + CRLF


class TestWellFormed:
    def test_requests_on_one_connection_are_answered_in_order(self, connection: Connection) -> None:
        for _ in range(3):
            connection.send(post())
            assert connection.read_response().json["result"]["tools"]

    def test_pipelined_requests_are_answered_in_order(self, connection: Connection) -> None:
        bodies = [MESSAGE.replace(b'"id": 1', b'"id": %d' % id) for id in range(1, 9)]
        connection.send(b"".join(post(body=body) + request_bytes("GET", "/health") for body in bodies))
        for id in range(1, 9):
            assert connection.read_response().json["id"] == id
            assert connection.read_response().json["status"] == "healthy"

    def test_byte_by_byte(self, connection: Connection) -> None:
        for byte in post():
            connection.send(bytes([byte]))
        assert connection.read_response().json["result"]["tools"]

    def test_every_two_way_cut_of_a_request(self, connection: Connection) -> None:
        whole = request_bytes("GET", "/health")
        for cut in range(1, len(whole)):
            connection.send(whole[:cut])
            connection.send(whole[cut:])
            assert connection.read_response().status == 200

    @pytest.mark.parametrize("sizes", [[len(MESSAGE)], [1] * len(MESSAGE), [7, 1, 100, len(MESSAGE) - 108]])
    def test_a_chunked_body(self, connection: Connection, sizes: list[int]) -> None:
        body, position = b"", 0
        for size in sizes:
            body += b"%x\r\n" % size + MESSAGE[position : position + size] + CRLF
            position += size
        connection.send(post({"Transfer-Encoding": "chunked"}, body + b"0\r\n\r\n"))
        assert connection.read_response().json["result"]["tools"]
        connection.send(request_bytes("GET", "/health"))
        assert connection.read_response().status == 200

    def test_chunk_extensions_and_trailers_are_dropped(self, connection: Connection) -> None:
        body = b"%X;name=value;q=\"a;b\"\r\n" % len(MESSAGE) + MESSAGE + b"\r\n000;x\r\nX-Trailer: 1\r\nContent-Length: 7\r\nHost: evil.example\r\n\r\n"
        connection.send(post({"Transfer-Encoding": "Chunked"}, body))
        assert connection.read_response().json["result"]["tools"]
        connection.send(request_bytes("GET", "/health"))
        assert connection.read_response().status == 200

    def test_expect_100_continue(self, connection: Connection) -> None:
        connection.send(post({"Expect": "100-continue", "Content-Length": str(len(MESSAGE))}, b""))
        assert connection.read_head().status == 100
        connection.send(MESSAGE)
        assert connection.read_response().status == 200

    def test_a_refused_expectation_gets_no_100(self, connection: Connection) -> None:
        connection.send(post({"Expect": "100-continue", "Content-Length": "999999999"}, b""))
        assert connection.read_response().status == 413
        connection.assert_closed()

    def test_an_unknown_expectation_is_417(self, connection: Connection) -> None:
        connection.send(post({"Expect": "200-maybe"}))
        assert connection.read_response().status == 417

    def test_head_has_the_headers_of_get_and_no_body(self, connection: Connection) -> None:
        connection.send(request_bytes("HEAD", "/health"))
        answer = connection.read_response(head_only=True)
        assert answer.status == 200 and int(answer.header("content-length")) > 0
        connection.assert_open_and_silent()
        connection.send(request_bytes("GET", "/health"))
        assert connection.read_response().json["status"] == "healthy"

    def test_connection_close_is_honoured(self, connection: Connection) -> None:
        connection.send(post({"Connection": "close"}))
        answer = connection.read_response()
        assert answer.status == 200 and answer.header("connection") == "close"
        connection.assert_closed()

    def test_http_1_0_is_answered_and_closed(self, connection: Connection) -> None:
        connection.send(request_bytes("GET", "/health", version="HTTP/1.0"))
        answer = connection.read_response()
        assert answer.status == 200 and answer.header("transfer-encoding") is None
        connection.assert_closed()

    def test_http_1_0_never_gets_chunks(self, plain: Supervisor) -> None:
        client = ModernClient(plain.port)
        params = {"name": "steps", "arguments": {"count": 2, "nonce": "n"}, "_meta": client.meta(progressToken=1)}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
        headers = {"Content-Type": "application/json", "Accept": BOTH, **client.standard_headers("tools/call", params)}
        with Connection(plain.port) as connection:
            connection.send(request_bytes("POST", "/mcp", headers, body, version="HTTP/1.0"))
            answer = connection.read_head()
            assert answer.status == 200 and answer.header("transfer-encoding") is None
            messages = [event.message for event in connection.events(answer) if event.data]
            assert [message.get("method") for message in messages] == ["notifications/progress"] * 2 + [None]

    def test_a_large_body_and_a_large_answer(self, plain: Supervisor) -> None:
        with LegacySession(plain.port) as session:
            text = "ä" * 150_000
            assert json.loads(session.call("echo", {"text": text}).text)["arguments"]["text"] == text
            assert len(session.call("large", {"bytes": 3_000_000}).text) == 3_000_000

    @pytest.mark.needs("ipv6")
    def test_the_ipv6_loopback_is_served_too(self, plain: Supervisor) -> None:
        with ModernClient(plain.port, host="::1") as client:
            assert client.request("tools/list").result["tools"]

    def test_a_half_close_counts_as_hanging_up(self, connection: Connection) -> None:
        """As with nginx: who sends no more may be gone, and a modern client cancels by closing."""
        client = ModernClient(connection.port)
        params = {"name": "slow", "arguments": {"seconds": 60, "name": "half closed"}, "_meta": client.meta()}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
        connection.send(client.post_bytes(body, client.standard_headers("tools/call", params)))
        with client:
            eventually("the call runs", lambda: "started half closed" in client.call("past").text)
            connection.socket.shutdown(socket.SHUT_WR)
            connection.assert_closed()
            eventually("the server was told", lambda: "cancelled half closed" in client.call("past").text)

    def test_a_half_close_that_was_announced_is_answered(self, connection: Connection) -> None:
        connection.send(post({"Connection": "close"}))
        connection.socket.shutdown(socket.SHUT_WR)
        assert connection.read_response().json["result"]["tools"]
        connection.assert_closed()


class TestRoutes:
    @pytest.mark.parametrize("target", [
        "/", "/nothing", "//mcp", "/mcp/", "/MCP", "/%6dcp", "/mcp%00", "/./mcp", "/x/../mcp", "/mcp%2f", "/mcp;x=1", "/servers/none/mcp"])
    def test_only_the_exact_path_counts(self, connection: Connection, target: str) -> None:
        connection.send(request_bytes("POST", target, HEADERS, MESSAGE))
        assert connection.read_response().status == 404

    @pytest.mark.parametrize("target", ["/mcp\\", "/mcp%", "/mcp%2", "/mcp#x", "/mcp<"])
    def test_a_target_that_is_no_path_is_400(self, connection: Connection, target: str) -> None:
        connection.send(request_bytes("POST", target, HEADERS, MESSAGE))
        assert connection.read_response().status == 400

    def test_a_query_does_not_change_the_route(self, connection: Connection) -> None:
        connection.send(request_bytes("GET", "/health?x=1"))
        assert connection.read_response().status == 200

    def test_absolute_form_with_the_right_authority(self, connection: Connection) -> None:
        authority = f"127.0.0.1:{connection.port}"
        connection.send(request_bytes("GET", f"http://{authority}/health", host=authority))
        assert connection.read_response().status == 200

    def test_the_default_server_is_also_there_by_name(self, connection: Connection) -> None:
        connection.send(request_bytes("POST", "/servers/default/mcp", HEADERS, MESSAGE))
        assert connection.read_response().status == 200


def chunked(body: bytes) -> bytes:
    return post({"Transfer-Encoding": "chunked"}, body)


REFUSED: list[tuple[str, bytes, int]] = [
    # Content-Length and Transfer-Encoding
    ("length and coding", head(b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    ("coding and length", head(b"Transfer-Encoding: chunked", b"Content-Length: 4") + b"0\r\n\r\n", 400),
    ("two equal lengths", head(b"Content-Length: 2", b"Content-Length: 2") + b"{}", 400),
    ("two different lengths", head(b"Content-Length: 2", b"Content-Length: 3") + b"{}", 400),
    ("a list of lengths", head(b"Content-Length: 2, 2") + b"{}", 400),
    ("a signed length", head(b"Content-Length: +2") + b"{}", 400),
    ("a negative length", head(b"Content-Length: -1"), 400),
    ("minus zero", head(b"Content-Length: -0"), 400),
    ("a hexadecimal length", head(b"Content-Length: 0x2") + b"{}", 400),
    ("an empty length", head(b"Content-Length:") + b"{}", 400),
    ("a length with a space inside", head(b"Content-Length: 1 2") + b"{}", 400),
    ("a length beyond 64 bits", head(b"Content-Length: 18446744073709551618") + b"{}", 400),
    ("Arabic digits", head("Content-Length: ٢".encode()) + b"{}", 400),
    ("chunked twice", head(b"Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n", 400),
    ("chunked in two lines", head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    ("chunked not last", head(b"Transfer-Encoding: chunked, gzip") + b"0\r\n\r\n", 400),
    ("gzip and chunked", head(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", 400),
    ("xchunked", head(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n", 400),
    ("identity", head(b"Transfer-Encoding: identity") + b"{}", 400),
    ("chunked with a vertical tab", head(b"Transfer-Encoding: chunked\x0b") + b"0\r\n\r\n", 400),
    ("the Kelvin sign", head("Transfer-Encoding: chun\u212aed".encode()) + b"0\r\n\r\n", 400),
    ("space before the colon", head(b"Transfer-Encoding : chunked") + b"0\r\n\r\n", 400),
    ("a coding in HTTP/1.0", post({"Transfer-Encoding": "chunked"}, b"0\r\n\r\n", version="HTTP/1.0"), 400),
    # Chunks
    ("chunk size 0x", chunked(b"0x2\r\n{}\r\n0\r\n\r\n"), 400),
    ("chunk size plus", chunked(b"+2\r\n{}\r\n0\r\n\r\n"), 400),
    ("chunk size minus", chunked(b"-2\r\n{}\r\n0\r\n\r\n"), 400),
    ("chunk size underscore", chunked(b"1_0\r\n{}\r\n0\r\n\r\n"), 400),
    ("chunk size empty", chunked(b"\r\n{}\r\n0\r\n\r\n"), 400),
    ("chunk size too long", chunked(b"00000000000000002\r\n{}\r\n0\r\n\r\n"), 400),
    ("chunk size overflow", chunked(b"ffffffffffffffff\r\n{}\r\n0\r\n\r\n"), 413),
    ("chunk without CRLF", chunked(b"2\r\n{}0\r\n\r\n"), 400),
    ("chunk spill", chunked(b"2\r\n{}xx\r\n0\r\n\r\n"), 400),
    ("chunk size with a bare LF", chunked(b"2\n{}\r\n0\r\n\r\n"), 400),
    ("bare LF in an extension", chunked(b"2;a\n\r\n{}\r\n0\r\n\r\n"), 400),
    ("control byte in an extension", chunked(b"2;\x01\r\n{}\r\n0\r\n\r\n"), 400),
    ("long extension", chunked(b"2;" + b"a" * 5000 + b"\r\n{}\r\n0\r\n\r\n"), 400),
    ("long trailers", chunked(b"2\r\n{}\r\n0\r\n" + b"X-A: b\r\n" * 500 + b"\r\n"), 431),
    ("a malformed trailer", chunked(b"2\r\n{}\r\n0\r\nno colon\r\n\r\n"), 400),
    # Line ends and header lines
    ("bare LF everywhere", b"GET /health HTTP/1.1\nHost: localhost\n\n", 400),
    ("bare LF after the request line", b"GET /health HTTP/1.1\nHost: localhost\r\n\r\n", 400),
    ("bare LF after a header", b"GET /health HTTP/1.1\r\nHost: localhost\nX: 1\r\n\r\n", 400),
    ("bare CR in a value", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n", 400),
    ("NUL in a value", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", 400),
    ("DEL in a value", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\x7fb\r\n\r\n", 400),
    ("a folded line", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", 400),
    ("space before the colon of any header", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX : a\r\n\r\n", 400),
    ("an empty name", b"GET /health HTTP/1.1\r\nHost: localhost\r\n: a\r\n\r\n", 400),
    ("a name that is no token", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX(y): a\r\n\r\n", 400),
    ("a line without colon", b"GET /health HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n", 400),
    ("space before the first header", b"GET /health HTTP/1.1\r\n Host: localhost\r\n\r\n", 400),
    # Request line
    ("no version", b"GET /health\r\n\r\n", 400),
    ("version 0.9", b"GET /health HTTP/0.9\r\nHost: localhost\r\n\r\n", 505),
    ("version 1.32", b"GET /health HTTP/1.32\r\nHost: localhost\r\n\r\n", 400),
    ("version 2.0", b"GET /health HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("lower-case http", b"GET /health http/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("two spaces", b"GET  /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("a tab", b"GET\t/health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("trailing space", b"GET /health HTTP/1.1 \r\nHost: localhost\r\n\r\n", 400),
    ("an empty target", b"GET  HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("a relative target", b"GET health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("raw UTF-8 in the target", "GET /hälth HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 400),
    ("CONNECT", b"CONNECT localhost HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    ("CONNECT to somewhere else", b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n", 403),
    ("TRACE", b"TRACE /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    ("a TLS hello", bytes.fromhex("16030100a5010000a1030352") + b"\x00" * 100, 400),
    # Host
    ("no Host", b"GET /health HTTP/1.1\r\n\r\n", 400),
    ("two Hosts", b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
    ("two different Hosts", b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400),
    ("Host with userinfo", b"GET /health HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n", 400),
    ("Host with a path", b"GET /health HTTP/1.1\r\nHost: localhost/x\r\n\r\n", 400),
    ("Host with a comma", b"GET /health HTTP/1.1\r\nHost: localhost,evil.example\r\n\r\n", 400),
    # Sizes
    ("a long request line", b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    ("a long field", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
    ("many fields", b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 101 + b"\r\n", 431),
    ("a long head", b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X%d: " % n + b"a" * 4000 + CRLF for n in range(5)) + CRLF, 431),
    ("an endless line", b"A" * 100_000, 414),
    ("a length beyond the limit", head(b"Content-Length: 999999999") + b"{}", 413),
]


@pytest.mark.parametrize("data, status", [pytest.param(data, status, id=name.replace(" ", "-")) for name, data, status in REFUSED])
def test_malformed_input_is_refused_and_the_connection_closed(connection: Connection, data: bytes, status: int) -> None:
    """The status of each is that of `HTTPRefusal.status`; 400 wherever two readers could differ."""
    try:
        connection.send(data)
    except (BrokenPipeError, ConnectionResetError):
        pass  # Refused before all of it was sent; the answer is still there to read.
    answer = connection.read_response()
    assert answer.status == status, (answer.status, answer.body[:200])
    assert answer.header("connection") == "close"
    connection.assert_closed()


@pytest.mark.parametrize("method", ["GETX", "get", "Post", "DELETED", "PROPFIND", "X" * 30])
def test_an_unknown_method_is_refused(connection: Connection, method: str) -> None:
    connection.send(request_bytes(method, "/mcp"))
    assert connection.read_response().status == 501


@pytest.mark.parametrize("path, allowed", [("/mcp", "GET, POST, DELETE"), ("/health", "GET, HEAD"), ("/ready", "GET, HEAD")])
@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PUT", "PATCH", "OPTIONS"])
def test_a_405_names_exactly_what_is_served(connection: Connection, method: str, path: str, allowed: str) -> None:
    connection.send(request_bytes(method, path))
    answer = connection.read_response()
    assert (answer.status, answer.header("allow")) == (405, allowed)


@pytest.mark.parametrize("extra, status", [
    ({"Content-Length": "999999999"}, 413), ({"Content-Encoding": "gzip"}, 415), ({"Expect": "magic"}, 417), ({"Content-Type": "text/plain"}, 415)])
@pytest.mark.parametrize("foreign", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_a_foreign_page_learns_nothing_about_bodies(connection: Connection, foreign: dict[str, str], extra: dict[str, str], status: int) -> None:
    headers = {"Host": "localhost", **HEADERS, "Content-Length": "2", **extra}
    lines = [f"{name}: {value}" for name, value in {**headers, **foreign}.items()]
    connection.send("\r\n".join(["POST /mcp HTTP/1.1", *lines, "", "{}"]).encode())
    assert connection.read_response().status == 403
    with Connection(connection.port) as own:
        own.send("\r\n".join(["POST /mcp HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", "{}"]).encode())
        assert own.read_response().status == status


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_a_compressed_body_is_415(connection: Connection, coding: str) -> None:
    connection.send(post({"Content-Encoding": coding}))
    assert connection.read_response().status == 415


def test_bytes_after_a_refused_request_are_never_taken_for_a_request(connection: Connection) -> None:
    smuggled = request_bytes("GET", "/health")
    connection.send(head(b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + smuggled * 3)
    assert connection.read_response().status == 400
    connection.assert_closed()


def test_an_upgrade_nobody_offers_is_ignored(connection: Connection) -> None:
    connection.send(request_bytes("GET", "/health", {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}))
    assert connection.read_response().status == 200


def test_resets_and_half_requests_leave_nothing_behind(plain: Supervisor) -> None:
    before = plain.health()["connections"]
    for cut in (1, 10, 40, 120, len(post()) - 1):
        for _ in range(5):
            with Connection(plain.port) as connection:
                connection.send(post()[:cut])
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close() sends a reset.
    eventually("the connections are gone", lambda: plain.health()["connections"] <= before + 1)


class TestMalformedMessages:
    """Bodies of security.md's list: each is refused before anything reaches the server behind."""

    ENVELOPE = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}'

    def call(self, arguments: str) -> bytes:
        return ('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":' + arguments + "," + self.ENVELOPE + "}}").encode(
            "utf-8", "surrogatepass")

    def send(self, port: int, body: bytes) -> tuple[int, int | None]:
        with ModernClient(port) as client:
            exchange = client.post(body, {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "echo"})
            return exchange.status, exchange.answer.get("error", {}).get("code")

    @pytest.mark.parametrize("arguments", [
        "[" * 100_000, "[" * 65 + "]" * 65, '{"a":' * 70 + "1" + "}" * 70, '{"a":"\\ud800"}', '{"a":"\\udc00\\ud800"}',
        '{"a":"\ud800"}', '{"a":01}', '{"a":1.}', '{"a":.5}', '{"a":+1}', '{"a":NaN}', '{"a":Infinity}', '{"a":0x10}', "{'a':1}", '{"a":1,}', '{"a":"\n"}',
        '{"a":"\x00"}', '{"a":"\\x41"}', '{"a":' + "1" * 1000 + "}",
        "[" + ",".join("0" for _ in range(100_001)) + "]", '{"a":"' + "x" * ((1 << 20) + 1) + '"}', '{"a":1}//x', "{}/**/"], ids=range(23))
    def test_arguments_that_are_not_strict_json(self, plain: Supervisor, arguments: str) -> None:
        assert self.send(plain.port, self.call(arguments)) == (400, -32700)
        assert plain.health()["workers"]["ready"] == 1

    @pytest.mark.parametrize("change", [
        lambda body: b"\xef\xbb\xbf" + body, lambda body: body.decode().encode("utf-16"), lambda body: body + b"x", lambda body: body + body,
        lambda body: body.replace(b"echo", b"ech\xff"), lambda body: body.replace(b'"id":1', b'"id":1,"id":2'),
        lambda body: body.replace(b'"method"', b'"m\\u0065thod":"x","method"'), lambda body: body + b"\0",
        lambda body: body.replace(b'"name":"echo"', b'"name":"echo","na\\u006de":"slow"'),
        lambda body: body.replace(b'"params":{', b'"params":{' + b",".join(b'"k%d":1' % n for n in range(1001)) + b",")])
    def test_envelopes_that_are_not_strict_json(self, plain: Supervisor, change: object) -> None:
        status, code = self.send(plain.port, change(self.call("{}")))  # type: ignore[operator]
        assert (status, code) == (400, -32700)

    @pytest.mark.parametrize("arguments", ['{"a":1e400}', '{"a":123456789012345678901234567890}', '{"a":"\\u0000"}', '{"A":1,"a":2}', '{"":{}}', '{"a":1,"a":2}', "[" * 60 + "]" * 60])
    def test_unusual_arguments_that_only_the_server_reads_pass_through(self, plain: Supervisor, arguments: str) -> None:
        status, code = self.send(plain.port, self.call('{"x":' + arguments + "}"))
        assert (status, code) == (200, None)

    def test_a_body_beyond_the_limit_is_413(self) -> None:
        with Supervisor(config={"limits": {"body": "64K"}}, command=python_server("plain.py")) as supervisor:
            fits, large = b" " * (65_536 - len(MESSAGE)) + MESSAGE, b" " * (65_537 - len(MESSAGE)) + MESSAGE
            assert wire.exchange(supervisor.port, "POST", "/mcp", HEADERS, fits).status == 200
            assert wire.exchange(supervisor.port, "POST", "/mcp", HEADERS, large).status == 413
            with Connection(supervisor.port) as connection:
                try:
                    connection.send(post({"Transfer-Encoding": "chunked"}, b"10000\r\n" + b" " * 65_536 + b"\r\n10\r\n" + b" " * 16 + b"\r\n0\r\n\r\n"))
                except (BrokenPipeError, ConnectionResetError):
                    pass
                assert connection.read_response().status == 413
            assert supervisor.health()["status"] == "healthy"


@pytest.fixture(scope="module")
def hasty() -> Iterator[Supervisor]:
    limits = {"headerTimeout": "500ms", "bodyIdleTimeout": "500ms", "bodyTimeout": "500ms", "idleTimeout": "500ms"}
    with Supervisor(config={"limits": limits}, command=python_server("plain.py")) as supervisor:
        yield supervisor


class TestTimers:
    """A request that began is answered 408; a connection on which none began is closed without a word."""

    @pytest.mark.parametrize("sent", [
        b"G", b"GET /health HTTP/1.1\r\nHost: loc", head(b"Content-Length: 9"), post()[:-20], post({"Transfer-Encoding": "chunked"}, b"5\r\n{")])
    def test_an_unfinished_request_is_408_and_the_connection_closed(self, hasty: Supervisor, sent: bytes) -> None:
        with Connection(hasty.port, timeout=5) as connection:
            connection.send(sent)
            answer = connection.read_response()
            assert answer.status == 408 and answer.header("connection") == "close"
            connection.assert_closed()

    @pytest.mark.parametrize("start, piece", [
        (b"GET /health HTTP/1.1\r\n", b"X: y\r\n"), (head(b"Content-Length: 100000"), b" "), (head(b"Transfer-Encoding: chunked"), b"1\r\n \r\n")])
    def test_a_slow_request_is_408_however_often_a_byte_comes(self, hasty: Supervisor, start: bytes, piece: bytes) -> None:
        began = time.monotonic()
        with Connection(hasty.port) as connection:
            connection.send(start)
            # Bound: the test's own time-out. Each round waits for an answer before it sends the next piece.
            while not select.select([connection.socket], [], [], 0.05)[0]:
                connection.send(piece)
            answer = connection.read_response()
            assert answer.status == 408 and answer.header("connection") == "close"
            connection.assert_closed()
        assert time.monotonic() - began >= 0.45, "not before its time"

    def test_a_connection_on_which_nothing_came_is_closed_without_an_answer(self, hasty: Supervisor) -> None:
        with Connection(hasty.port, timeout=5) as connection:
            connection.assert_closed()

    def test_an_idle_connection_is_closed_without_an_answer(self, hasty: Supervisor) -> None:
        with Connection(hasty.port, timeout=5) as connection:
            connection.send(request_bytes("GET", "/health"))
            assert connection.read_response().status == 200
            connection.assert_closed()

    def test_a_running_call_is_not_idle(self, hasty: Supervisor) -> None:
        with LegacySession(hasty.port) as session:
            assert session.call("slow", {"seconds": 1.2, "name": "patient"}).status == 200
