"""The harness itself: a check that cannot fail is none."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from harness import schema
from harness.processes import Process, children, descendants, eventually, free_port, reap_adopted, stat
from harness.supervisor import python_server
from harness.wire import Connection, ConnectionEnded, request_bytes


def serve_once(*pieces: bytes) -> int:
    """A server that sends `pieces` to one client and closes. Returns its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        peer, _ = listener.accept()
        for piece in pieces:
            peer.sendall(piece)
        peer.close()
        listener.close()

    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname()[1]


def test_an_answer_without_the_security_headers_is_noticed() -> None:
    port = serve_once(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}")
    with Connection(port) as connection, pytest.raises(AssertionError, match="cache-control is None"):
        connection.read_response()


def test_an_answer_that_is_cut_short_is_noticed() -> None:
    port = serve_once(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}")
    with Connection(port) as connection, pytest.raises(ConnectionEnded):
        connection.read_response()


def test_bytes_after_an_answer_are_noticed() -> None:
    port = serve_once(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{}")
    with Connection(port, check=False) as connection:
        connection.read_response()
        with pytest.raises(AssertionError, match="unexpected bytes"):
            connection.assert_closed()


def test_events_are_read_across_chunk_borders() -> None:
    text = b": keep-alive\n\nid: 1\nretry: 5\ndata:\n\nevent: message\ndata: {\"a\":\xc3\xa9}\n\n"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in text) + b"0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    with Connection(serve_once(head + chunks), check=False) as connection:
        events = list(connection.events(connection.read_head()))
    assert [(event.name, event.id, event.retry, event.data) for event in events] == [(None, "1", 5, ""), ("message", None, None, '{"a":é}')]


def test_a_stream_without_its_last_chunk_is_noticed() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    with Connection(serve_once(head + b"8\r\ndata: 1\n\r\n"), check=False) as connection, pytest.raises(ConnectionEnded):
        list(connection.events(connection.read_head()))


def test_request_bytes_frame_a_body_unless_told_otherwise() -> None:
    assert request_bytes("POST", "/", {}, b"ab", host="h") == b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
    assert b"Content-Length" not in request_bytes("POST", "/", {"Transfer-Encoding": "chunked"}, b"0\r\n\r\n")


def test_an_orphan_comes_to_us_and_is_seen_until_it_is_gone() -> None:
    script = "import os,subprocess,sys; print(subprocess.Popen(['sleep','600'], stdin=0, start_new_session=True).pid, flush=True); sys.stdin.read()"
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    orphan_pid = int(parent.stdout.readline())
    assert [process.pid for process in descendants(parent.pid)] == [orphan_pid] == [process.pid for process in children(parent.pid)]
    found = stat(orphan_pid)
    orphan = Process(orphan_pid, found.started)
    parent.stdin.close()
    parent.wait()
    eventually("the orphan is ours", lambda: stat(orphan_pid).parent == os.getpid())
    assert orphan.alive
    assert not Process(orphan_pid, found.started + 1).alive, "a reused pid counts as the old process"
    orphan.kill(signal.SIGKILL)
    eventually("the orphan is dead", lambda: not orphan.alive)
    assert orphan_pid in eventually("the orphan is reaped", lambda: reap_adopted(set()))


def test_eventually_names_what_did_not_happen() -> None:
    with pytest.raises(AssertionError, match="pigs fly"):
        eventually("pigs fly", lambda: False, within=0.01)


def test_free_ports_are_free() -> None:
    port = free_port()
    socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.needs("schema")
@pytest.mark.parametrize("revision", schema.REVISIONS)
def test_the_schema_check_refuses_a_wrong_result(revision: str) -> None:
    good = {"tools": [{"name": "a", "inputSchema": {"type": "object"}}], "resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
    schema.check_message(revision, {"jsonrpc": "2.0", "id": 1, "result": good}, "tools/list")
    with pytest.raises(AssertionError):
        schema.check_message(revision, {"jsonrpc": "2.0", "id": 1, "result": {**good, "tools": [{"name": 1}]}}, "tools/list")
    with pytest.raises(AssertionError):
        schema.check_message(revision, {"jsonrpc": "2.0", "id": 1, "error": {"code": "x"}}, "tools/list")


@pytest.mark.parametrize("name", ["plain.py", pytest.param("sdk1_server.py", marks=pytest.mark.needs("sdk1")), "sdk2_server.py"])
def test_the_servers_speak_mcp_by_themselves(name: str) -> None:
    process = subprocess.Popen(python_server(name, sdk=1 if "sdk1" in name else 2), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(id: int, method: str, params: dict) -> dict:
        process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode() + b"\n")
        process.stdin.flush()
        while "id" not in (message := json.loads(process.stdout.readline())):
            pass
        return message

    initialized = ask(1, "initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}})
    assert initialized["result"]["protocolVersion"] == "2025-11-25"
    process.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    tools = {tool["name"] for tool in ask(2, "tools/list", {})["result"]["tools"]}
    assert {"echo", "slow", "past"} <= tools
    echoed = ask(3, "tools/call", {"name": "echo", "arguments": {"text": "hällo"}})
    assert "hällo" in echoed["result"]["content"][0]["text"]
    process.stdin.close()
    assert process.wait(10) == 0
    process.stdout.close()
