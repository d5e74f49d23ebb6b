"""What the README tells people to type works. Blocks are marked: an HTML comment `<!-- test: name -->` before the fence."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from mcp import Client

from harness.documents import blocks, on_port
from harness.processes import Process, descendants, eventually, reap_adopted, stat
from harness.supervisor import PROJECT, SUPERVISOR, Supervisor, environment

README = PROJECT / "README.md"


def test_the_extractor_finds_marked_blocks_only() -> None:
    text = "a\n```sh\nno\n```\n<!-- test: one -->\n```sh\nyes\n  and more\n```\n<!-- test: two -->\n\n```python\nprint(1)\n```\n"
    assert blocks(text) == {"one": ("sh", "yes\n  and more"), "two": ("python", "print(1)")}


@pytest.fixture
def readme() -> dict[str, tuple[str, str]]:
    return blocks(README.read_text())


def block(readme: dict[str, tuple[str, str]], name: str, port: int) -> str:
    assert name in readme, f"README.md has no block marked `<!-- test: {name} -->`; found {sorted(readme)}"
    return on_port(readme[name][1], port)


def test_the_curl_line(readme: dict[str, tuple[str, str]], sample: Supervisor) -> None:
    done = subprocess.run(["bash", "-euc", block(readme, "curl", sample.port)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert '"result"' in done.stdout and "query_view" in done.stdout


def test_the_sdk_script(readme: dict[str, tuple[str, str]], sample: Supervisor, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(block(readme, "sdk", sample.port))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "execute_query" in done.stdout and "|" in done.stdout, done.stdout


def printed_line(output: str) -> str:
    """The command under "Try it:", which is the last of what is printed."""
    return output.split("Try it:\n", 1)[1]


def run_line(line: str) -> str:
    done = subprocess.run(["bash", "-euc", line], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, (line, done.stderr)
    return done.stdout


def test_the_line_that_run_prints(sample: Supervisor) -> None:
    eventually("it is announced", lambda: sample.output().endswith("'\n"))
    names = [tool["name"] for tool in json.loads(run_line(printed_line(sample.output())))["result"]["tools"]]
    assert "execute_query" in names and len(names) == 5


class Terminal:
    """A block typed into a terminal of its own: a session, whose foreground process group Ctrl-C reaches as a whole."""

    def __init__(self, command: str, directory: Path, env: dict[str, str]) -> None:
        self.file = Path(tempfile.mkstemp(prefix="mcp-e2e-")[1])
        with self.file.open("wb") as output:
            # `exec` because nobody types into a script: the shell that people type into is not in the foreground group.
            self.process = subprocess.Popen(
                ["bash", "-euc", f"exec {command}"], cwd=directory, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)

    @property
    def output(self) -> str:
        return self.file.read_text(errors="replace")

    def wait_announced(self, within: float) -> None:
        def announced() -> bool:
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.output[-4000:]}"
            return bool(re.search(r"^Try it:\n(.+\\\n)+.+'$", self.output, re.MULTILINE))

        eventually("it is announced", announced, within)

    def supervisor(self) -> Process:
        found = [process for process in [*descendants(self.process.pid), Process(self.process.pid, stat(self.process.pid).started)]
                 if "mcp-supervisor run" in process.command]
        assert len(found) == 1, [process.command for process in found]
        return found[0]

    def end(self, press: Callable[[], None]) -> int:
        """`press` ends it; returns the exit status, negative for a signal, when everything it started has gone."""
        family = descendants(self.process.pid)
        press()
        status = self.process.wait(30)
        eventually("everything is gone", lambda: not any(member.alive for member in family), within=2)
        assert '"message":"stopped"' in self.output.splitlines()[-1] or self.output.splitlines()[-1].startswith("make:"), self.output[-2000:]
        assert '"message":"stopped"' in self.output
        return status

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            print(self.output[-6000:])
        if self.process.poll() is None:
            for member in [*descendants(self.process.pid), Process(self.process.pid, stat(self.process.pid).started)]:
                member.kill(signal.SIGKILL)
            self.process.wait(10)
        reap_adopted(set())
        self.file.unlink()


@pytest.mark.skipif("MCP_BINARIES" in os.environ, reason="`make run` runs what it builds, not MCP_BINARIES")
@pytest.mark.timeout(900)  # Where nothing is built yet, this builds.
@pytest.mark.parametrize("who", ["the process group", "the supervisor alone"])
def test_make_run_serves_until_ctrl_c(readme: dict[str, tuple[str, str]], tmp_path: Path, who: str) -> None:
    """As written; ARGS may also come from the environment, and keep it off the ports and files of this machine."""
    env = {**os.environ, "ARGS": f"--listen 127.0.0.1:0 --state-dir {tmp_path / 'state'} --runtime-dir {tmp_path / 'run'}"}
    with Terminal(readme["make-run"][1], PROJECT, {name: value for name, value in env.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}) as terminal:
        terminal.wait_announced(within=800)
        names = [tool["name"] for tool in json.loads(run_line(printed_line(terminal.output)))["result"]["tools"]]
        assert "execute_query" in names
        if who == "the process group":
            # What a terminal does for Ctrl-C. make waits for its child and then ends by the same signal.
            assert terminal.end(lambda: os.killpg(terminal.process.pid, signal.SIGINT)) in (-signal.SIGINT, 2, 130)
        else:
            assert terminal.end(lambda: terminal.supervisor().kill(signal.SIGINT)) == 0, "make passes on the status of the supervisor"


def test_a_server_of_ones_own(readme: dict[str, tuple[str, str]], tmp_path: Path) -> None:
    """As written, where `python3` is one that has the SDK; the port comes from the environment."""
    (tmp_path / "your_server.py").write_text(readme["server"][1])
    (tmp_path / ".build").mkdir()
    (tmp_path / ".build/release").symlink_to(SUPERVISOR.parent)
    (tmp_path / "bin").mkdir()
    # Not a link to the interpreter itself: Python finds its environment by the path it is started with.
    (tmp_path / "bin/python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / "bin/python3").chmod(0o755)
    env = environment({"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "MCP_SUPERVISOR_LISTEN": "127.0.0.1:0", "MCP_SUPERVISOR_RUNTIME_DIR": str(tmp_path / "run"),
                       "MCP_SUPERVISOR_LOG_FORMAT": "json"})

    async def greeted(url: str, mode: str) -> str:
        async with Client(url, mode=mode) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == ["greet"]
            return (await client.call_tool("greet", {"name": "Ada"})).content[0].text

    with Terminal(readme["own-server"][1], tmp_path, env) as terminal:
        terminal.wait_announced(within=30)
        url = re.search(r"^  (http://127\.0\.0\.1:\d+/mcp)$", terminal.output, re.MULTILINE)[1]
        for mode in ("2026-07-28", "legacy"):
            assert asyncio.run(asyncio.wait_for(greeted(url, mode), 30)) == "Hello, Ada!"
        assert '"greet"' in run_line(printed_line(terminal.output))
        # The server is in a session of its own, so Ctrl-C reaches the supervisor alone, which ends it in order.
        assert terminal.end(lambda: os.killpg(terminal.process.pid, signal.SIGINT)) == 0
