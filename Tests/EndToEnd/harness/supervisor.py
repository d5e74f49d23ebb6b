"""Starts `mcp-supervisor run` in a directory of its own and makes sure of its end: exit code, and nothing left behind."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from . import wire
from .processes import Process, children, descendants, eventually, free_port, reap_adopted, stat

PROJECT = Path(__file__).resolve().parents[3]
BINARIES = Path(os.environ.get("MCP_BINARIES", PROJECT / ".build/release"))
SUPERVISOR = BINARIES / "mcp-supervisor"
WORKER = BINARIES / "mcp-worker"
SERVERS = Path(__file__).resolve().parents[1] / "servers"
SDK1_PYTHON = PROJECT / ".venv-sdk1/bin/python"

# Restart settings for tests that kill again and again: they must not meet the crash-loop circuit, which has tests of its own.
PATIENT = {
    "window": "1ms", "deaths": 1000, "settled": "1ms", "delayMin": "1ms", "delayMax": "1ms", "stable": "1ms", "spawnsPerSecond": 10_000,
    "spawnBurst": 10_000,
}

# Processes of ours that somebody waits for; the reaper of orphans leaves them alone.
_own: set[int] = set()


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """The little that a daemon needs; nothing of the caller's leaks in, so a test means the same everywhere."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": "/nonexistent", **(extra or {})}


def python_server(name: str, *arguments: str, sdk: int = 2) -> list[str]:
    """The command of a stdio server in servers/."""
    return [str(SDK1_PYTHON) if sdk == 1 else sys.executable, str(SERVERS / name), *arguments]


class Supervisor:
    """One running supervisor. Use it as a context manager: leaving it drains and checks."""

    def __init__(
        self, *options: str, command: list[str] | None = None, config: dict[str, Any] | str | None = None, env: dict[str, str] | None = None,
        port: int | None = None, ready: str | None = "/ready", start_within: float = 20.0, expect_exit: int | None = 0,
        open_files: int | None = None,
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="mcp-e2e-"))
        self.port = port or free_port()
        self.expect_exit = expect_exit
        # What a test sets itself is not set here: an option given twice is an error.
        standard = {"--port": str(self.port), "--runtime-dir": str(self.directory / "run"), "--state-dir": str(self.directory / "state")}
        if "--listen" in options:
            del standard["--port"]
        arguments = [word for name, value in standard.items() if name not in options for word in (name, value)]
        if config is not None:
            path = self.directory / "config.json"
            path.write_text(config if isinstance(config, str) else json.dumps(config))
            arguments += ["--config", str(path)]
        arguments += options
        if command is not None:
            arguments += ["--", *command]
        self.arguments = [str(SUPERVISOR), "run", *arguments]
        self._stdout = open(self.directory / "stdout", "wb")
        self._stderr = open(self.directory / "stderr", "wb")
        limit = None if open_files is None else (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files)))
        self.process = subprocess.Popen(
            self.arguments, stdin=subprocess.DEVNULL, stdout=self._stdout, stderr=self._stderr, env=environment(env), cwd=self.directory,
            start_new_session=True, preexec_fn=limit)
        self.pid = self.process.pid
        _own.add(self.pid)
        found = stat(self.pid)
        assert found is not None
        self.identity = Process(self.pid, found.started)
        self.stopped = False
        try:
            if ready is not None:
                self.wait_ready(ready, start_within)
        except BaseException:
            self.abandon()
            raise

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.base}/mcp"

    def output(self) -> str:
        return (self.directory / "stdout").read_text(errors="replace")

    def errors(self) -> str:
        return (self.directory / "stderr").read_text(errors="replace")

    def log(self) -> str:
        return self.output() + self.errors()

    def wait_ready(self, path: str = "/ready", within: float = 20.0) -> None:
        def answered() -> bool:
            code = self.process.poll()
            assert code is None, f"the supervisor ended with {code} before it was ready:\n{self.log()[-4000:]}"
            try:
                return wire.exchange(self.port, "GET", path, timeout=2).status == 200
            except (OSError, wire.ConnectionEnded):
                return False

        eventually(f"{path} of {self.arguments} answers 200; log:\n{self.log()[-4000:]}", answered, within)

    def health(self) -> dict[str, Any]:
        response = wire.exchange(self.port, "GET", "/health")
        assert response.status == 200, response
        return response.json

    def workers(self) -> list[Process]:
        """Its living children."""
        return children(self.pid)

    def the_worker(self) -> Process:
        found = self.workers()
        assert len(found) == 1, f"{len(found)} workers: {[worker.command for worker in found]}"
        return found[0]

    def send_signal(self, number: int) -> None:
        self.identity.kill(number)

    def wait(self, within: float) -> int:
        code = self.process.wait(within)
        _own.discard(self.pid)
        return code

    def stop(self, number: int = signal.SIGTERM, within: float = 30.0, expect: int | None = 0) -> float:
        """Drains, checks the exit code and that no descendant survives; returns the seconds it took."""
        family = descendants(self.pid)
        began = time.monotonic()
        self.send_signal(number)
        try:
            code = self.wait(within)
        except subprocess.TimeoutExpired:
            self.abandon()
            raise AssertionError(f"still running {within:g} s after signal {number}:\n{self.log()[-4000:]}") from None
        took = time.monotonic() - began
        self.stopped = True
        self.assert_family_gone(family)
        if expect is not None:
            assert code == expect, f"exit code {code}, expected {expect}:\n{self.log()[-4000:]}"
        return took

    def kill(self) -> list[Process]:
        """SIGKILL to the supervisor alone. Returns its descendants of that moment."""
        family = descendants(self.pid)
        self.identity.kill(signal.SIGKILL)
        self.wait(10)
        self.stopped = True
        return family

    def assert_family_gone(self, family: list[Process], within: float = 1.0) -> None:
        try:
            eventually("every descendant is gone", lambda: not any(member.alive for member in family), within)
        except AssertionError:
            left = [f"{member.pid} {member.command}" for member in family if member.alive]
            for member in family:
                member.kill(signal.SIGKILL)
            raise AssertionError(f"descendants that survived: {left}") from None
        finally:
            reap_adopted(_own)

    def abandon(self) -> None:
        """Ends everything by force and removes the files; for failed starts."""
        family = descendants(self.pid) if self.process.poll() is None else []
        for member in [self.identity, *family]:
            member.kill(signal.SIGKILL)
        if self.process.poll() is None:
            self.process.wait(10)
        _own.discard(self.pid)
        self.stopped = True
        reap_adopted(_own)
        self.close()

    def close(self) -> None:
        self._stdout.close()
        self._stderr.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if not self.stopped:
                code = self.process.poll()
                if code is not None:
                    self.stopped = True
                    _own.discard(self.pid)
                    raise AssertionError(f"the supervisor ended by itself with {code}:\n{self.log()[-4000:]}")
                self.stop(expect=self.expect_exit)
        finally:
            if kind is not None and self.directory.exists():
                print(f"--- log of {' '.join(self.arguments)}\n{self.log()[-6000:]}")
            if self.process.poll() is None:
                self.abandon()
            self.close()


def run_command(*arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None, within: float = 20.0, binary: Path = SUPERVISOR,
                input: str | None = None) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [str(binary), *arguments], env=environment(env), cwd=cwd, timeout=within, text=True, capture_output=True,
        **({"input": input} if input is not None else {"stdin": subprocess.DEVNULL}))
