"""Processes of a run: start, wait until ready, CPU time, memory, end. Everything is addressed by PID and ended on the way out."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

READY_SECONDS_MAX = 30
END_SECONDS_MAX = 10


class BenchmarkError(Exception):
    """A measurement that cannot be trusted or could not be taken; the message says why."""


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """One child with its standard error in a file, ended by `end()`."""

    def __init__(self, command, directory, **options):
        self.command = [str(part) for part in command]
        self.log = Path(tempfile.mkstemp(dir=directory, suffix=".log")[1])
        with open(self.log, "wb") as log:
            options.setdefault("stdin", subprocess.DEVNULL)
            options.setdefault("stdout", log)
            self.popen = subprocess.Popen(self.command, stderr=log, **options)
        self.pid = self.popen.pid

    def log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-1500:].strip()

    def wait_ready(self, attempt):
        """Repeats `attempt` until it does not raise OSError. The pause between two attempts only keeps the other core free."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while True:
            try:
                return attempt()
            except OSError as error:
                last = error
            if self.popen.poll() is not None:
                raise BenchmarkError(f"{self.command[0]} ended with {self.popen.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{self.command[0]} was not ready after {READY_SECONDS_MAX} s ({last}):\n{self.log_tail()}")
            time.sleep(0.002)

    def end(self):
        if self.popen.poll() is not None:
            return
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


@contextlib.contextmanager
def running(process):
    try:
        yield process
    finally:
        process.end()


def connect_once(port):
    """One attempt to connect; raises OSError while nobody listens."""
    socket.create_connection(("127.0.0.1", port), timeout=5).close()


def cpu_ns(pid) -> int:
    """CPU time that all threads of a process have used, user and system, in nanoseconds."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError):
            total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
    if total == 0:  # a kernel without scheduler statistics: clock ticks have to do
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total = (int(fields[11]) + int(fields[12])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return total


def memory_kib(pid) -> dict:
    """RSS and PSS in KiB. PSS is None where the kernel hides it (a process that is not dumpable, another user)."""
    rss = pss = None
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            rss = int(line.split()[1])
    with contextlib.suppress(PermissionError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                pss = int(line.split()[1])
            if line.startswith("Rss:"):
                rss = int(line.split()[1])  # exact; VmRSS may lag by some pages per thread
    return {"rss": rss, "pss": pss}


def children(pid) -> list:
    """PIDs of the direct children."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        found += Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
    return [int(child) for child in found]


def descendants(pid) -> list:
    """PIDs of the children, their children, and so on."""
    found = children(pid)
    return found + [below for child in found for below in descendants(child)]


def busy_share(seconds=0.5) -> float:
    """Share of the machine in use now, 0 … 1, sampled over `seconds`. With nothing of ours running: the neighbours' share."""

    def sample():
        user, nice, system, idle, waiting, *rest = (int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
        return user + nice + system + sum(rest), idle + waiting

    busy, free = sample()
    time.sleep(seconds)
    busy_later, free_later = sample()
    total = busy_later - busy + free_later - free
    return (busy_later - busy) / total if total else 0.0
