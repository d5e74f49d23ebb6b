"""What clients notice when a worker dies, or never lives. Fills `metrics` as the measurements of `measures` do."""

import contextlib
import http.client
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time

from . import messages
from .measures import TOOL_SECONDS_MAX, write
from .peers import ROOT, Refusing, Respawning, started
from .process import BenchmarkError, children

#: The clients that call without pause: all but one are wrk's, the last is the one that kills and measures.
CLIENTS = 64
#: Answers that the measuring client gets from each worker before it kills it: its load is up again by then.
ANSWERS_BETWEEN = 20


def percentile(values, share):
    """The smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def kill(peer) -> int:
    """SIGKILL to the one worker of `peer`; its pid."""
    workers = children(peer.pid)
    if len(workers) != 1:
        raise BenchmarkError(f"{len(workers)} workers run, not one")
    pidfd = os.pidfd_open(workers[0])
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    finally:
        os.close(pidfd)
    return workers[0]


class Client:
    """One connection that calls again and again and checks each answer."""

    def __init__(self, peer):
        self.connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=30)
        self.fields, self.body = peer.echo()
        self.lost = 0

    def call(self) -> bool:
        """Whether the answer is a result. An error must be the one of a call that was lost with its worker."""
        status, _, answer = messages.exchange(self.connection, "/mcp", self.fields, self.body)
        if status == 200 and "structuredContent" in (answer or {}).get("result", {}):
            return True
        error = (answer or {}).get("error", {})
        if error.get("code") != -32603 or error.get("data", {}).get("delivered") not in (True, False, "partly"):
            raise BenchmarkError(f"a call was answered {status} {answer}")
        self.lost += 1
        return False

    def until_answered(self):
        """Calls until one succeeds. What is asked after a kill can only be answered by the next worker."""
        while not self.call():
            pass


def respawn(settings, metrics):
    """SIGKILL of the built-in worker until the next one has answered a call that was sent after it, under the load of 64 clients."""
    if "supervisor" in settings.without:
        return
    with tempfile.TemporaryDirectory() as directory, started(Respawning(directory, settings.supervisor)) as peer:
        client = Client(peer)
        with contextlib.closing(client.connection), loaded(peer, settings.kills) as finish:
            figures = [one_respawn(peer, client) for _ in range(settings.kills)]
            result = finish()
    if result["broken"] or result["refused"]:
        raise BenchmarkError(f"of the calls of the others some had no answer: {result}\n{peer.process.log_tail()}")
    metrics[f"respawn.{CLIENTS}.kills"] = len(figures)
    metrics[f"respawn.{CLIENTS}.calls"] = result["calls"]
    metrics[f"respawn.{CLIENTS}.p50_us"] = statistics.median(figures)
    metrics[f"respawn.{CLIENTS}.p90_us"] = percentile(figures, 90)
    metrics[f"respawn.{CLIENTS}.p99_us"] = percentile(figures, 99)
    metrics[f"respawn.{CLIENTS}.max_us"] = max(figures)


def one_respawn(peer, client) -> float:
    """Microseconds."""
    for _ in range(ANSWERS_BETWEEN):
        client.until_answered()
    began = time.monotonic_ns()
    old = kill(peer)
    client.until_answered()
    took = (time.monotonic_ns() - began) / 1000
    if old in children(peer.pid):
        raise BenchmarkError("the worker that was killed still runs")
    return took


@contextlib.contextmanager
def loaded(peer, kills):
    """The other clients, for as long as the block runs. The block gets a function that stops them and returns what they counted."""
    fields, body = peer.echo()
    fields_file = write(peer.directory, "load.fields", "".join(f"{name}: {value}\n" for name, value in fields.items()))
    body_file = write(peer.directory, "load.body", body)
    # Longer than needed: it is stopped by SIGINT, upon which it prints its summary.
    command = ["wrk", "-t1", f"-c{CLIENTS - 1}", f"-d{60 + kills}s", "--timeout", "10s", "-s", ROOT / "harness/load.lua",
               f"http://127.0.0.1:{peer.port}", "--", fields_file, body_file]
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as load:
        def finish():
            if load.poll() is not None:
                raise BenchmarkError(f"wrk ended by itself: {load.stderr.read().decode(errors='replace')}")
            load.send_signal(signal.SIGINT)
            output, _ = load.communicate(timeout=TOOL_SECONDS_MAX)
            return json.loads(output.splitlines()[-1])

        try:
            yield finish
        finally:
            load.kill()


def refusal(settings, metrics):
    """One client of a server that keeps dying: how soon it is told to come back later."""
    if "supervisor" in settings.without:
        return
    figures = []
    with tempfile.TemporaryDirectory() as directory, started(Refusing(directory, settings.supervisor)) as peer:
        fields, body = peer.echo()
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", peer.port, timeout=30)) as connection:
            for _ in range(500):
                began = time.monotonic_ns()
                status, _, _ = messages.exchange(connection, "/mcp", fields, body)
                figures.append((time.monotonic_ns() - began) / 1000)
                if status != 503:
                    raise BenchmarkError(f"the open circuit answered {status}")
    metrics["refusal.p50_us"], metrics["refusal.p99_us"] = statistics.median(figures), percentile(figures, 99)
