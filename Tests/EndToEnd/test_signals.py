"""Signals that do not end it: each is told in the log, and the service goes on as if nothing had been."""

from __future__ import annotations

import json
import signal

import pytest

from harness.mcp import LegacySession, ModernClient
from harness.processes import descendants, eventually
from harness.supervisor import Supervisor, python_server
from test_shutdown import read_answer, start_slow

TOLD = {
    signal.SIGHUP: "reload is not available yet; the signal changed nothing",
    signal.SIGUSR1: "reopening log files is not available yet; the signal changed nothing",
    signal.SIGUSR2: "upgrade is not available yet; the signal changed nothing",
}


def told(supervisor: Supervisor, number: signal.Signals) -> int:
    """How often the log names the signal; each such line must say what it means."""
    lines = [json.loads(line) for line in supervisor.errors().splitlines() if line.startswith("{")]
    lines = [line for line in lines if line.get("signal") == number.name]
    assert {(line["level"], line["message"]) for line in lines} <= {("warning", TOLD[number])}, lines
    return len(lines)


@pytest.mark.parametrize("number", list(TOLD))
class TestSignals:
    def test_a_running_service_goes_on_and_says_what_it_did_not_do(self, number: signal.Signals) -> None:
        with Supervisor("--log-format", "json", command=python_server("plain.py")) as supervisor, LegacySession(supervisor.port) as session:
            stream, head = session.get()
            running = start_slow(supervisor, 0.5, "during")
            family = descendants(supervisor.pid)
            assert told(supervisor, number) == 0
            supervisor.send_signal(number)
            eventually("it is told", lambda: told(supervisor, number) == 1)
            assert "slept" in read_answer(running)["result"]["content"][0]["text"]
            assert descendants(supervisor.pid) == family, "no worker was restarted"
            # The session, its stream and the connections are what they were.
            session.call("change")
            assert next(event for event in stream.events(head) if event.data).message["method"] == "notifications/tools/list_changed"
            running.close()
            stream.close()

    def test_a_burst_is_as_harmless(self, number: signal.Signals) -> None:
        with Supervisor("--log-format", "json", command=python_server("plain.py")) as supervisor, ModernClient(supervisor.port) as client:
            for _ in range(10):
                supervisor.send_signal(number)
            # Equal signals that wait are one, so ten may be told as any number from one to ten.
            eventually("they are told", lambda: 1 <= told(supervisor, number) <= 10)
            assert client.call("echo", {"a": 1}).status == 200

    def test_before_the_worker_is_ready(self, number: signal.Signals) -> None:
        with Supervisor("--log-format", "json", command=python_server("plain.py", "--silent"), ready="/health") as supervisor:
            supervisor.send_signal(number)
            eventually("it is told", lambda: told(supervisor, number) == 1)
            assert supervisor.health()["status"] == "starting", "it goes on waiting for its worker"

    def test_during_a_drain(self, number: signal.Signals) -> None:
        with Supervisor("--log-format", "json", command=python_server("plain.py")) as supervisor:
            running = start_slow(supervisor, 1.0, "last")
            family = descendants(supervisor.pid)
            supervisor.send_signal(signal.SIGTERM)
            eventually("it drains", lambda: '"draining"' in supervisor.errors())
            supervisor.send_signal(number)
            eventually("it is told", lambda: told(supervisor, number) == 1)
            # Neither shortened nor stopped: the running call has its second.
            assert "slept" in read_answer(running)["result"]["content"][0]["text"]
            assert "shortened" not in supervisor.errors()
            assert supervisor.wait(10) == 0
            supervisor.stopped = True
            supervisor.assert_family_gone(family)


@pytest.mark.parametrize("number", [signal.SIGPIPE, signal.SIGWINCH, signal.SIGCHLD, signal.SIGCONT])
def test_signals_that_say_nothing_are_not_even_told(number: signal.Signals) -> None:
    with Supervisor("--log-format", "json", command=python_server("plain.py")) as supervisor, ModernClient(supervisor.port) as client:
        before = supervisor.errors()
        family = descendants(supervisor.pid)
        supervisor.send_signal(number)
        # Behind SIGUSR1, which is told, so this one has had its effect.
        supervisor.send_signal(signal.SIGUSR1)
        eventually("the next signal is told", lambda: told(supervisor, signal.SIGUSR1) == 1)
        assert supervisor.errors()[len(before):].count("\n") == 1
        assert client.call("echo").status == 200 and descendants(supervisor.pid) == family
