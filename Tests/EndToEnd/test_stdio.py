"""`mcp-supervisor stdio` and `run --transport both`: one local client on stdin and stdout, whatever these are."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import signal
import socket
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from harness import wire
from harness.processes import Process, descendants, eventually, free_port
from harness.supervisor import SDK1_PYTHON, SUPERVISOR, environment, python_server

CLIENT = Path(__file__).resolve().parent / "clients/sdk1_client.py"
INITIALIZE = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}


def request(id: Any, name: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


def text(*messages: Any) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def lines(output: bytes) -> list[dict[str, Any]]:
    assert not output or output.endswith(b"\n")
    return [json.loads(line) for line in output.splitlines()]


class Local:
    """A supervisor with streams of the test's choice."""

    def __init__(self, directory: Path, *arguments: str, command: list[str] | None = None, **streams: Any) -> None:
        self.errors = directory / "stderr"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [str(SUPERVISOR), *(arguments or ("stdio",)), "--state-dir", str(directory), "--log-format", "text",
                 *(["--", *command] if command else [])],
                stderr=errors, env=environment(), **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **streams})

    def __enter__(self) -> Local:
        return self

    def __exit__(self, *_: object) -> None:
        family = descendants(self.process.pid)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        try:
            self.process.wait(15)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        eventually(f"nothing is left: {self.log}", lambda: not any(one.alive for one in family))

    @property
    def log(self) -> str:
        return self.errors.read_text()

    def send(self, *messages: Any) -> None:
        self.process.stdin.write(text(*messages))
        self.process.stdin.flush()

    def next(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        assert line, self.log
        return json.loads(line)

    def worker(self) -> Process:
        def find() -> Process | None:
            return next((one for one in descendants(self.process.pid) if "plain.py" in one.command), None)
        return eventually("a worker runs", find)


@pytest.fixture
def plain() -> list[str]:
    return python_server("plain.py")


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
def test_the_official_client_starts_it(tmp_path: Path, mode: str) -> None:
    async def run() -> None:
        server = StdioServerParameters(command=str(SUPERVISOR), args=["stdio", "--state-dir", str(tmp_path)])
        async with Client(server, mode=mode) as client:
            assert len((await client.list_tools()).tools) == 5
            result = await client.call_tool("execute_query", {"query": "SELECT 6 * 7 AS answer"})
            assert not result.is_error and result.structured_content["rows"] == [[42]], result

    asyncio.run(asyncio.wait_for(run(), 30))


@pytest.mark.needs("sdk1")
def test_the_official_client_of_version_1_starts_it(tmp_path: Path) -> None:
    program = json.dumps([str(SUPERVISOR), "stdio", "--state-dir", str(tmp_path)])
    steps = [["list_tools"], ["ping"], ["call", "execute_query", {"query": "SELECT 6 * 7 AS answer"}]]
    done = subprocess.run([str(SDK1_PYTHON), str(CLIENT), program, json.dumps(steps)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-3000:]
    tools, _, answer = json.loads(done.stdout)["results"]
    assert len(tools) == 5 and answer["structuredContent"]["rows"] == [[42]]


class TestStreams:
    """The same script through every kind of descriptor: three requests at once, then the end of input."""

    SCRIPT = text(INITIALIZE, {"jsonrpc": "2.0", "method": "notifications/initialized"}, request(1, "echo", x=1)) + text(
        request(2, "slow", seconds=0.2))[:-1]

    def check(self, output: bytes) -> None:
        found = lines(output)
        assert [message["id"] for message in found] == [0, 1, 2], found
        assert all("result" in message for message in found)

    def test_pipes(self, tmp_path: Path, plain: list[str]) -> None:
        with Local(tmp_path, command=plain) as local:
            output, _ = local.process.communicate(self.SCRIPT, timeout=20)
            assert local.process.returncode == 0, local.log
            self.check(output)

    def test_plain_files(self, tmp_path: Path, plain: list[str]) -> None:
        script, output = tmp_path / "in", tmp_path / "out"
        script.write_bytes(self.SCRIPT)
        output.write_bytes(b"")
        with script.open("rb") as stdin, output.open("ab") as stdout, Local(tmp_path, command=plain, stdin=stdin, stdout=stdout) as local:
            assert local.process.wait(20) == 0
        self.check(output.read_bytes())

    def test_the_null_device(self, tmp_path: Path, plain: list[str]) -> None:
        with Local(tmp_path, command=plain, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as local:
            assert local.process.wait(20) == 0

    def test_one_socket_for_both(self, tmp_path: Path, plain: list[str]) -> None:
        ours, theirs = socket.socketpair()
        with ours, Local(tmp_path, command=plain, stdin=theirs, stdout=theirs) as local:
            # Whoever shares the description would see its flags change.
            before = fcntl.fcntl(theirs, fcntl.F_GETFL)
            ours.sendall(self.SCRIPT)
            ours.shutdown(socket.SHUT_WR)
            ours.settimeout(20)
            assert local.process.wait(20) == 0
            assert fcntl.fcntl(theirs, fcntl.F_GETFL) == before
            theirs.close()
            self.check(b"".join(iter(lambda: ours.recv(65536), b"")))

    def test_a_terminal(self, tmp_path: Path, plain: list[str]) -> None:
        ours, theirs = pty.openpty()
        settings = termios.tcgetattr(theirs)
        settings[1] &= ~termios.OPOST
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(theirs, termios.TCSANOW, settings)
        before = fcntl.fcntl(theirs, fcntl.F_GETFL)
        with Local(tmp_path, command=plain, stdin=theirs, stdout=theirs) as local:
            os.write(ours, self.SCRIPT + b"\n")
            output = b""
            while output.count(b"\n") < 3:
                output += os.read(ours, 65536)
            self.check(output)
            os.write(ours, b"\x04")  # ^D
            assert local.process.wait(20) == 0
            assert fcntl.fcntl(theirs, fcntl.F_GETFL) == before
        os.close(ours)
        os.close(theirs)

    @pytest.mark.parametrize("nonblocking", [False, True])
    def test_flags_of_shared_pipes_are_left_alone(self, tmp_path: Path, plain: list[str], nonblocking: bool) -> None:
        (input_end, write_end), (read_end, output_end) = os.pipe(), os.pipe()
        for end in (input_end, output_end):
            os.set_blocking(end, not nonblocking)
        with Local(tmp_path, command=plain, stdin=input_end, stdout=output_end) as local:
            os.write(write_end, text(INITIALIZE))
            assert json.loads(os.read(read_end, 65536))["id"] == 0
            assert (os.get_blocking(input_end), os.get_blocking(output_end)) == (not nonblocking, not nonblocking)
            local.process.kill()
            local.process.wait()
            assert (os.get_blocking(input_end), os.get_blocking(output_end)) == (not nonblocking, not nonblocking)
        for end in (input_end, write_end, read_end, output_end):
            os.close(end)


class TestEnds:
    def test_stdout_holds_nothing_but_messages(self, tmp_path: Path, plain: list[str]) -> None:
        with Local(tmp_path, command=[*plain, "--chatty"]) as local:
            output, _ = local.process.communicate(text(INITIALIZE), timeout=20)
            assert [message["id"] for message in lines(output)] == [0]
            assert "a worker is ready" in local.log

    def test_a_reader_that_goes_away_ends_it(self, tmp_path: Path, plain: list[str]) -> None:
        with Local(tmp_path, command=plain) as local:
            local.send(INITIALIZE)
            local.next()
            local.process.stdout.close()
            assert local.process.wait(10) == 0

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_drains(self, tmp_path: Path, plain: list[str], number: int) -> None:
        with Local(tmp_path, command=plain) as local:
            local.send(INITIALIZE, request(1, "slow", seconds=0.5), request(2, "echo", x=1))
            assert [local.next()["id"], local.next()["id"]] == [0, 2]
            local.process.send_signal(number)
            assert local.next()["id"] == 1
            assert local.process.wait(10) == 0

    def test_kill_9_leaves_nobody(self, tmp_path: Path, plain: list[str]) -> None:
        with Local(tmp_path, command=plain) as local:
            local.send(INITIALIZE)
            local.next()
            family = [local.worker(), *descendants(local.process.pid)]
            local.process.kill()
            eventually("the worker is gone", lambda: not any(one.alive for one in family))

    def test_the_worker_dies_and_the_client_stays(self, tmp_path: Path, plain: list[str]) -> None:
        with Local(tmp_path, command=plain) as local:
            local.send(INITIALIZE, request(1, "die", code=3))
            assert local.next()["id"] == 0
            assert local.next()["error"]["code"] == -32603
            local.send(request(2, "echo", x=1))
            assert local.next()["id"] == 2

    def test_a_large_answer_and_a_slow_reader(self, tmp_path: Path, plain: list[str]) -> None:
        with Local(tmp_path, command=plain) as local:
            local.send(INITIALIZE, *[request(id, "large", bytes=1_000_000) for id in range(1, 9)], request(9, "echo", x=1))
            found = [local.next() for _ in range(10)]
            assert sorted(message["id"] for message in found) == list(range(10))
            assert all(len(json.dumps(message)) > 1_000_000 for message in found if 0 < message["id"] < 9)


class TestBoth:
    @pytest.fixture
    def both(self, tmp_path: Path, plain: list[str]) -> Iterator[tuple[Local, int]]:
        port = free_port()
        with Local(tmp_path, "run", "--transport", "both", "--port", str(port), command=plain) as local:
            yield local, port
            if local.process.poll() is None:
                local.process.terminate()

    def test_both_have_the_same_server(self, both: tuple[Local, int]) -> None:
        local, port = both
        local.send(INITIALIZE, request(1, "echo", x=1))
        local.next()
        answer = local.next()
        assert answer["id"] == 1
        body = json.dumps({"name": "echo", "arguments": {"x": 1}}).encode()
        reply = wire.exchange(port, "POST", "/mcp/tools/call", {"Content-Type": "application/json"}, body)
        assert reply.status == 200 and reply.json == answer["result"]

    def test_the_end_of_stdin_does_not_end_the_others(self, both: tuple[Local, int]) -> None:
        local, port = both
        local.send(INITIALIZE)
        local.next()
        local.process.stdin.close()
        assert local.process.stdout.read() == b""
        assert wire.exchange(port, "GET", "/ready").status == 200
        local.process.terminate()
        assert local.process.wait(10) == 0


def test_any_number_run_at_once_and_none_takes_the_others_place(tmp_path: Path, plain: list[str]) -> None:
    places = ("stdio", "--runtime-dir", str(tmp_path / "run"))
    with Local(tmp_path, *places, command=plain) as one, Local(tmp_path, *places, command=plain) as two:
        for local in (one, two):
            local.send(INITIALIZE)
            assert local.next()["id"] == 0


def test_the_addresses_of_the_file_are_not_used(tmp_path: Path, plain: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path = tmp_path / "config.json"
        path.write_text(json.dumps({"listen": [f"127.0.0.1:{taken.getsockname()[1]}"]}))
        with Local(tmp_path, "stdio", "--config", str(path), command=plain) as local:
            local.send(INITIALIZE)
            assert local.next()["id"] == 0
