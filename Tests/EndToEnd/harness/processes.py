"""Processes as /proc shows them. A process is named by pid and start time, so a reused pid is never taken for the old one."""

from __future__ import annotations

import ctypes
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

PR_SET_CHILD_SUBREAPER = 36
POLL_INTERVAL = 0.002


def become_subreaper() -> None:
    """Orphans of what we start come to us instead of to init: whatever is left over can be seen and reaped."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


@dataclass(frozen=True)
class Process:
    pid: int
    started: int
    """Clock ticks since boot, field 22 of /proc/PID/stat."""

    @property
    def alive(self) -> bool:
        """Neither gone nor a zombie."""
        fields = stat(self.pid)
        return fields is not None and fields.started == self.started and fields.state not in "ZX"

    @property
    def command(self) -> str:
        try:
            with open(f"/proc/{self.pid}/cmdline", "rb") as file:
                return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return "?"

    def kill(self, signal: int) -> None:
        """Signals exactly this process, never one that got its pid later."""
        if not self.alive:
            return
        try:
            fd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.alive:
                import signal as signals

                signals.pidfd_send_signal(fd, signal)
        except ProcessLookupError:
            pass
        finally:
            os.close(fd)


@dataclass(frozen=True)
class Stat:
    pid: int
    state: str
    parent: int
    group: int
    session: int
    ticks: int
    """User and system time."""
    started: int


def stat(pid: int) -> Stat | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read().decode(errors="replace")
    except OSError:
        return None
    rest = text[text.rindex(")") + 2 :].split()
    return Stat(pid, rest[0], int(rest[1]), int(rest[2]), int(rest[3]), int(rest[11]) + int(rest[12]), int(rest[19]))


def all_stats() -> list[Stat]:
    return [found for name in os.listdir("/proc") if name.isdigit() and (found := stat(int(name))) is not None]


def children(pid: int) -> list[Process]:
    """Living children, by /proc/PID/task/PID/children where the kernel has it."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            pids = [int(word) for word in file.read().split()]
    except OSError:
        pids = [found.pid for found in all_stats() if found.parent == pid]
    result = []
    for child in pids:
        found = stat(child)
        if found is not None and found.state not in "ZX":
            result.append(Process(child, found.started))
    return result


def descendants(pid: int) -> list[Process]:
    stats = all_stats()
    by_parent: dict[int, list[Stat]] = {}
    for found in stats:
        by_parent.setdefault(found.parent, []).append(found)
    result = []
    waiting = [pid]
    while waiting:
        for child in by_parent.get(waiting.pop(), []):
            waiting.append(child.pid)
            if child.state not in "ZX":
                result.append(Process(child.pid, child.started))
    return result


def reap_adopted(own: set[int]) -> list[int]:
    """Reaps zombies that came to us as subreaper, leaving alone the processes that somebody here waits for."""
    reaped = []
    for found in all_stats():
        if found.parent == os.getpid() and found.state == "Z" and found.pid not in own:
            try:
                pid, _ = os.waitpid(found.pid, os.WNOHANG)
            except ChildProcessError:
                continue
            if pid:
                reaped.append(pid)
    return reaped


def eventually(what: str, predicate: Callable[[], T], within: float = 5.0) -> T:
    """Polls until `predicate` is true and returns its value; fails with `what` at the deadline."""
    deadline = time.monotonic() + within
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within:g} s: {what}")
        time.sleep(POLL_INTERVAL)


def free_port() -> int:
    """A port that was free a moment ago, on IPv4 and IPv6 loopback."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as four:
            four.bind(("127.0.0.1", 0))
            port = four.getsockname()[1]
            try:
                with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as six:
                    six.bind(("::1", port))
            except OSError as error:
                if error.errno in (97, 99):  # No IPv6 on this machine.
                    return port
                continue
            return port
    raise AssertionError("no free port")
