"""The log belongs to the supervisor: nothing that a client or a server sends splits a line of it, forges one, or reaches a terminal as a command."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest

from harness.mcp import BOTH, META, MODERN, LegacySession, ModernClient
from harness.processes import eventually
from harness.supervisor import Supervisor, python_server
from harness.wire import Connection, ConnectionEnded, request_bytes

# Everything that ends a line somewhere, moves a cursor, hides text or turns it around; then a line as we write them.
FORGED = {"json": '{"time":"1999-01-01T00:00:00.000Z","level":"error","message":"forged"}', "text": "1999-01-01T00:00:00.000Z error: forged"}
HOSTILE = "".join(map(chr, [*range(1, 0x20), 0x7F, *range(0x80, 0xA0), 0x2028, 0x2029, 0x202E, 0x2066])) + "\x1b[2J\x1b]0;title\x07\x9b31m\r\n"
LINE = {
    "json": re.compile(r'\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"(debug|info|warning|error)","message":"[^"]+"[,}]'),
    "text": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error): [^\"]+"),
}


def lines(supervisor: Supervisor, format: str) -> list[str]:
    """The lines of the log. Each must be whole, ours, and free of everything that is no visible character."""
    data = (supervisor.directory / "stderr").read_bytes()
    assert data.endswith(b"\n"), data[-200:]
    text = data.decode("utf-8")  # Fails for a byte that is not UTF-8.
    found = text.removesuffix("\n").split("\n")
    for line in found:
        bad = [f"U+{ord(c):04X}" for c in line if unicodedata.category(c) in ("Cc", "Zl", "Zp") or 0x202A <= ord(c) <= 0x202E or 0x2066 <= ord(c) <= 0x2069]
        assert not bad, f"{bad} in {line!r}"
        assert LINE[format].match(line), f"no line of ours: {line!r}"
        assert not line.startswith(FORGED[format][:15]), f"a forged line: {line!r}"
        if format == "json":
            assert isinstance(json.loads(line), dict)
    return found


@pytest.fixture(params=["json", "text"])
def format(request: pytest.FixtureRequest) -> str:
    return request.param


def start(format: str) -> Supervisor:
    return Supervisor("--log-format", format, "--log-level", "debug", command=python_server("plain.py"))


def send(port: int, data: bytes) -> None:
    """Whatever is answered, and if nothing is: what counts is the log."""
    with Connection(port) as connection:
        try:
            connection.send(data)
            connection.read_response()
        except (ConnectionEnded, BrokenPipeError, ConnectionResetError):
            pass


def test_what_a_client_sends_splits_no_line(format: str) -> None:
    with start(format) as supervisor:
        hostile = (HOSTILE + FORGED[format] + "\n").encode()
        message = {"jsonrpc": "2.0", "id": "x", "method": "tools/call", "params": {"name": HOSTILE + FORGED[format], "arguments": {}, "_meta": {
            META + "protocolVersion": MODERN, META + "clientCapabilities": {}, META + "clientInfo": {"name": HOSTILE, "version": HOSTILE}}}}
        fields = {"Content-Type": "application/json", "Accept": BOTH, "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call"}
        whole = request_bytes("POST", "/mcp", {**fields, "Mcp-Name": "NAME", "User-Agent": "AGENT", "Mcp-Session-Id": "SESSION", "Origin": "ORIGIN"},
                              json.dumps(message).encode(), host=f"127.0.0.1:{supervisor.port}")
        for place in (b"AGENT", b"NAME", b"SESSION", b"ORIGIN", b"/mcp", b"POST", b"127.0.0.1"):
            for piece in (hostile, hostile.replace(b"\r", b"").replace(b"\n", b""), b"\x1b[31mred", b"\x9b31m", b"\xc2\x9b31m", b"a\rb", b"a\0b"):
                send(supervisor.port, whole.replace(place, piece, 1))
        with ModernClient(supervisor.port) as client:
            # As the fields must be to get through: encoded in the header, raw or escaped in the body.
            for name in (HOSTILE + FORGED[format], "\x1b[31m", "a\nb", "a\u2028b", "a\x9bb"):
                for ascii in (True, False):
                    params = {"name": name, "arguments": {name: name}, "_meta": client.meta()}
                    body = json.dumps({"jsonrpc": "2.0", "id": name[:40], "method": "tools/call", "params": params}, ensure_ascii=ascii).encode()
                    exchange = client.post(body, {**client.standard_headers("tools/call", {}), "Mcp-Name": sentinel(name)})
                    assert exchange.code == -32602, exchange.answer
            for method in (HOSTILE, "tools/\x1b[31mcall"):
                assert client.request(method, headers={"Mcp-Method": sentinel(method)}).status in (400, 404)
        with LegacySession(supervisor.port, initialize=False) as session:
            answer = session.request("initialize", {"protocolVersion": HOSTILE, "capabilities": {}, "clientInfo": {"name": HOSTILE, "version": HOSTILE}})
            assert answer.status == 200
        assert len(lines(supervisor, format)) >= 2


def sentinel(text: str) -> str:
    import base64

    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


def write_errors(client: ModernClient, text: str) -> None:
    """Lone surrogates stand for bytes that are not UTF-8."""
    assert client.call("say", {"error": text.encode("utf-8", "surrogateescape").hex()}).text == "said"


def test_what_a_server_writes_to_stderr_is_one_line_of_ours_for_each_of_its(format: str) -> None:
    with start(format) as supervisor, ModernClient(supervisor.port) as client:
        before = len(lines(supervisor, format))
        texts = [HOSTILE.replace("\n", "") + "end", "\x1b[31mred\x1b[0m", FORGED[format], "\r" + FORGED[format], '" quote \\', "not UTF-8: \udcff\udcc2", "\udc9b31m"]
        write_errors(client, "".join(text + "\n" for text in texts))
        eventually("all of it is logged", lambda: len(lines(supervisor, format)) >= before + len(texts))
        new = lines(supervisor, format)[before:]
        assert len(new) == len(texts) and all("a worker wrote to stderr" in line for line in new)
        if format == "json":
            # Nothing is lost by the quoting, except what was no text.
            shown = [json.loads(line)["line"] for line in new]
            assert shown[:5] == texts[:5]
            assert all("\ufffd" in line for line in shown[5:])


def test_a_line_end_that_only_some_programs_know_splits_nothing(format: str) -> None:
    with start(format) as supervisor, ModernClient(supervisor.port) as client:
        before = len(lines(supervisor, format))
        for end in ("\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\x1c", "\x1e"):
            write_errors(client, f"a{end}{FORGED[format]}\n")
        eventually("all of it is logged", lambda: len(lines(supervisor, format)) >= before + 8)
        text = (supervisor.directory / "stderr").read_text()
        assert len(text.splitlines()) == text.count("\n") == before + 8


def test_a_log_message_of_a_server_reaches_its_client_whole_and_no_line_of_the_log(format: str) -> None:
    with start(format) as supervisor, ModernClient(supervisor.port) as client:
        before = len(lines(supervisor, format))
        exchange = client.call("say", {"log": HOSTILE + FORGED[format]}, log="debug")
        (note,) = exchange.notifications
        assert note["params"]["data"] == HOSTILE + FORGED[format], "what is for the client is not changed"
        with LegacySession(supervisor.port) as session:
            session.request("logging/setLevel", {"level": "debug"})
            assert session.call("say", {"log": HOSTILE}).status == 200
        new = lines(supervisor, format)[before:]
        assert not [line for line in new if "forged" in line]


def test_what_a_server_says_about_itself_splits_no_line(format: str) -> None:
    """Its handshake, lines that are no messages, and its exit."""
    script = (
        "import json, sys\nname = json.loads(sys.argv[1])\nline = sys.stdin.readline()\n"
        "print(json.dumps({'jsonrpc': '2.0', 'id': json.loads(line)['id'], 'result': {'protocolVersion': '2025-11-25', 'capabilities': {}, "
        "'serverInfo': {'name': name, 'version': name}, 'instructions': name}}), flush=True)\n"
        "print(name, flush=True)\nprint(json.dumps({'jsonrpc': '2.0', 'method': name}), flush=True)\nsys.stdin.read()\n")
    import sys

    with Supervisor("--log-format", format, "--log-level", "debug", command=[sys.executable, "-c", script, json.dumps(HOSTILE + FORGED[format])]) as supervisor:
        eventually("what is no message is told", lambda: any("cannot be used" in line or "no message" in line or "count" in line for line in lines(supervisor, format)))
    # Leaving has drained it; the lines of the end were read before the directory went.


def test_every_line_is_whole_up_to_the_last(format: str) -> None:
    with start(format) as supervisor, ModernClient(supervisor.port) as client:
        write_errors(client, "last words \x1b[31m without an end")
        supervisor.stop()
        found = lines(supervisor, format)
        assert "stopped" in found[-1] and any("last words" in line for line in found)
