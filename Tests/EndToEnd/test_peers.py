"""The clients of the matrix that no supervisor serves yet, against servers of other people: so that a pending cell is not pending because of them."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator

import pytest
from websockets.sync.server import ServerConnection, serve

from harness.network_peers import SSEPeer, WebSocketPeer
from harness.processes import free_port
from harness.supervisor import SDK1_PYTHON, environment, python_server
from harness.wire import wait_until_listening
from matrix.features import FEATURES, text
from matrix.pairs import workers

SSE_SERVER = """
import sys
from mcp.server.fastmcp import FastMCP
server = FastMCP("sse", port=int(sys.argv[1]))
@server.tool()
def echo(nonce: str) -> str:
    return nonce
server.run("sse")
"""


@pytest.mark.needs("sdk1")
def test_the_sse_client_talks_to_the_sdks_own_sse_server() -> None:
    port = free_port()
    process = subprocess.Popen(
        [str(SDK1_PYTHON), "-c", SSE_SERVER, str(port)], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_listening(port, 20)
        peer = SSEPeer(port)
        peer.check_headers = False
        with peer:
            assert peer.revision == "2024-11-05"
            assert text(peer.call("echo", {"nonce": "ü"})) == "ü"
    finally:
        process.kill()
        process.wait(10)


def carry(connection: ServerConnection, command: list[str]) -> None:
    """One process for one connection: frames are lines."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    lines = process.stdout

    def back() -> None:
        for line in lines:
            connection.send(line.decode().rstrip("\n"))

    reader = threading.Thread(target=back, daemon=True)
    reader.start()
    for frame in connection:
        assert isinstance(frame, str)
        process.stdin.write(frame.encode() + b"\n")
        process.stdin.flush()
    process.stdin.close()
    process.wait(10)
    reader.join(5)
    lines.close()


@pytest.fixture
def websocket_port() -> Iterator[int]:
    command = python_server("legacy.py", "2025-11-25")
    with serve(lambda connection: carry(connection, command), "127.0.0.1", 0, subprotocols=["mcp"]) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join(5)


def test_every_feature_shows_over_a_plain_websocket(websocket_port: int) -> None:
    (worker,) = [worker for worker in workers() if worker.name == "legacy 2025-11-25"]
    for check in FEATURES.values():
        with WebSocketPeer(websocket_port, "/mcp") as client:
            check(client, worker, "same")
