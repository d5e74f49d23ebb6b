"""Signals: what drains, how long it may take, and that nothing is left, not even after kill -9."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from typing import Any

import pytest

from harness import wire
from harness.mcp import LegacySession, ModernClient
from harness.processes import Process, all_stats, descendants, eventually, reap_adopted, stat
from harness.supervisor import PATIENT, Supervisor, python_server

# A drain must end within a second of its deadline, whatever clients and workers do.
ONE_SECOND = {"drain": {"deadline": "1s", "hurried": "1s"}}


def start_slow(supervisor: Supervisor, seconds: float, name: str) -> wire.Connection:
    """A call that runs for `seconds`; returns when the server has it."""
    client = ModernClient(supervisor.port)
    params = {"name": "slow", "arguments": {"seconds": seconds, "name": name}, "_meta": client.meta()}
    body = json.dumps({"jsonrpc": "2.0", "id": name, "method": "tools/call", "params": params}).encode()
    connection = wire.Connection(supervisor.port, timeout=40)
    connection.send(client.post_bytes(body, client.standard_headers("tools/call", params)))
    with client:
        eventually("the call runs", lambda: f"started {name}" in client.call("past").text)
    return connection


def read_answer(connection: wire.Connection) -> dict[str, Any]:
    head = connection.read_head()
    if head.is_stream:
        (answer,) = [event.message for event in connection.events(head) if event.data and "method" not in event.message]
        return answer
    return json.loads(connection._need(int(head.header("content-length"))))


class TestDrain:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_running_call_finishes_and_the_exit_code_is_0(self, number: int) -> None:
        with Supervisor(command=python_server("plain.py")) as supervisor:
            running = start_slow(supervisor, 1.0, "last")
            family = descendants(supervisor.pid)
            supervisor.send_signal(number)

            def refused() -> bool:
                try:
                    return wire.exchange(supervisor.port, "GET", "/ready", timeout=2).status == 503
                except (OSError, wire.ConnectionEnded):
                    return True

            eventually("no new work is taken", refused, within=0.5)
            answer = read_answer(running)
            assert answer["id"] == "last" and "slept" in answer["result"]["content"][0]["text"]
            assert supervisor.wait(10) == 0
            supervisor.stopped = True
            supervisor.assert_family_gone(family)

    def test_an_idle_supervisor_ends_at_once_and_closes_idle_connections(self) -> None:
        with Supervisor(command=python_server("plain.py")) as supervisor:
            idle = wire.Connection(supervisor.port)
            idle.send(wire.request_bytes("GET", "/health"))
            idle.read_response()
            assert supervisor.stop() < 2
            idle.assert_closed()

    def test_streams_end_properly(self) -> None:
        with Supervisor(command=python_server("plain.py")) as supervisor:
            session = LegacySession(supervisor.port)
            stream, head = session.get()
            supervisor.stop(within=15)
            list(stream.events(head))  # Fails unless the last chunk came.
            stream.close()
            session.close()

    @pytest.mark.parametrize("options", [[], ["--stubborn"]])
    def test_the_deadline_is_kept_and_the_call_gets_its_answer(self, options: list[str]) -> None:
        with Supervisor(command=python_server("plain.py", *options), config=ONE_SECOND) as supervisor:
            running = start_slow(supervisor, 60, "endless")
            assert 1 <= supervisor.stop(within=10) <= 2, "the deadline is the call's, what follows takes less than a second"
            assert read_answer(running)["error"]["code"] == -32603
            running.assert_closed()

    def test_a_reader_that_takes_nothing_does_not_hold_up_the_end(self) -> None:
        with Supervisor(command=python_server("plain.py"), config=ONE_SECOND) as supervisor, ModernClient(supervisor.port) as client:
            params = {"name": "large", "arguments": {"bytes": 30_000_000}, "_meta": client.meta()}
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
            with wire.Connection(supervisor.port) as reader:
                reader.send(client.post_bytes(body, client.standard_headers("tools/call", params)))
                eventually("its answer has begun", lambda: select.select([reader.socket], [], [], 0)[0])
                assert 1 <= supervisor.stop(within=10) <= 2

    def test_a_second_signal_shortens(self) -> None:
        with Supervisor(command=python_server("plain.py")) as supervisor:
            running = start_slow(supervisor, 60, "endless")
            supervisor.send_signal(signal.SIGTERM)

            def draining() -> bool:
                try:
                    return wire.exchange(supervisor.port, "GET", "/ready", timeout=2).status == 503
                except (OSError, wire.ConnectionEnded):
                    return True

            eventually("it drains", draining)
            assert supervisor.process.poll() is None, "the first signal waits for the call"
            assert 1.9 <= supervisor.stop(within=10) <= 3, "`drain.hurried`, and less than a second"
            assert read_answer(running)["error"]["code"] == -32603

    def test_a_third_signal_leaves_nothing(self) -> None:
        with Supervisor(command=python_server("plain.py", "--stubborn")) as supervisor:
            running = start_slow(supervisor, 60, "endless")
            for _ in range(3):
                told = supervisor.errors().count("drain")
                supervisor.send_signal(signal.SIGTERM)
                # Equal signals that wait are one: each must have been read before the next.
                eventually("it is told", lambda: supervisor.errors().count("drain") > told or supervisor.process.poll() is not None)
            assert supervisor.stop(within=10) <= 1
            assert read_answer(running)["error"]["code"] == -32603

    def test_sigquit_ends_it_at_once_and_in_order(self) -> None:
        with Supervisor(command=python_server("plain.py", "--stubborn")) as supervisor:
            running = start_slow(supervisor, 60, "endless")
            assert supervisor.stop(signal.SIGQUIT, within=10) <= 1
            assert read_answer(running)["error"]["code"] == -32603

    @pytest.mark.parametrize("who", ["the built-in worker", "the guard", "the guard and the server", "the server"])
    def test_a_stopped_worker_does_not_hold_up_the_end(self, who: str) -> None:
        command = None if who == "the built-in worker" else python_server("plain.py")
        with Supervisor(command=command, config=ONE_SECOND) as supervisor:
            worker = supervisor.the_worker()
            below = descendants(worker.pid)
            assert bool(below) == (command is not None)
            for process in {"the guard": [worker], "the server": below, "the guard and the server": [worker, *below]}.get(who, [worker]):
                process.kill(signal.SIGSTOP)
            assert supervisor.stop(within=10) <= 2

    def test_a_stubborn_server_is_ended(self) -> None:
        with Supervisor(command=python_server("plain.py", "--stubborn"), config=ONE_SECOND) as supervisor:
            assert supervisor.stop(within=15) <= 2

    def test_during_start_up(self) -> None:
        with Supervisor(command=python_server("plain.py", "--silent"), ready="/health") as supervisor:
            assert supervisor.stop(within=10) <= 2, "nobody waits for a call"

    def test_the_port_is_free_again_at_once(self) -> None:
        with Supervisor(command=python_server("plain.py")) as first:
            wire.exchange(first.port, "GET", "/health")
            first.stop()
            with Supervisor(command=python_server("plain.py"), port=first.port):
                pass


class TestNothingIsLeft:
    def gone_within_a_second(self, family: list[Process]) -> None:
        began = time.monotonic()
        try:
            eventually("all gone", lambda: not any(member.alive for member in family), within=1.0)
        except AssertionError:
            left = [f"{member.pid} {member.command}" for member in family if member.alive]
            for member in family:
                member.kill(signal.SIGKILL)
            raise AssertionError(f"survivors: {left}") from None
        finally:
            reap_adopted(set())
        print(f"\n{len(family)} descendants gone after {(time.monotonic() - began) * 1e3:.0f} ms")

    def with_child(self, supervisor: Supervisor, session: bool) -> Process:
        with ModernClient(supervisor.port) as client:
            pid = int(client.call("spawn", {"session": session}).text)
        found = stat(pid)
        assert found is not None
        return Process(pid, found.started)

    def test_kill_9_of_the_supervisor_takes_the_built_in_worker_along(self) -> None:
        with Supervisor() as supervisor:
            family = supervisor.kill()
            assert family
            self.gone_within_a_second(family)

    def test_kill_9_with_a_busy_built_in_worker(self) -> None:
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        with Supervisor() as supervisor:
            client = ModernClient(supervisor.port)
            params = {"name": "execute_query", "arguments": {"query": endless, "database": "sample"}, "_meta": client.meta()}
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
            with wire.Connection(supervisor.port) as connection:
                connection.send(client.post_bytes(body, client.standard_headers("tools/call", params)))
                worker = supervisor.the_worker()
                ticks = stat(worker.pid).ticks
                eventually("the statement runs", lambda: stat(worker.pid).ticks > ticks + 2)
                self.gone_within_a_second(supervisor.kill())

    @pytest.mark.parametrize("options", [[], ["--stubborn"]])
    @pytest.mark.parametrize("child", [None, "same session", "own session"])
    def test_kill_9_takes_a_third_party_server_and_its_children_along(self, options: list[str], child: str | None) -> None:
        with Supervisor(command=python_server("plain.py", *options)) as supervisor:
            if child is not None:
                self.with_child(supervisor, session=child == "own session")
            family = supervisor.kill()
            assert len(family) >= (2 if child else 1)
            self.gone_within_a_second(family)

    @pytest.mark.parametrize("child", ["same session", "own session"])
    def test_a_drain_takes_the_children_of_a_server_along(self, child: str) -> None:
        with Supervisor(command=python_server("plain.py")) as supervisor:
            process = self.with_child(supervisor, session=child == "own session")
            supervisor.stop()
            assert not process.alive

    @pytest.mark.parametrize("child", ["same session", "own session"])
    def test_a_server_that_dies_leaves_no_children(self, child: str) -> None:
        with Supervisor(command=python_server("plain.py")) as supervisor:
            process = self.with_child(supervisor, session=child == "own session")
            with ModernClient(supervisor.port) as client:
                client.call("die")
            eventually("its child is gone", lambda: not process.alive, within=2)

    def test_a_second_instance_can_start_at_once_after_kill_9(self) -> None:
        with Supervisor(command=python_server("plain.py")) as first:
            first.kill()
            began = time.monotonic()
            with Supervisor("--runtime-dir", str(first.directory / "run"), command=python_server("plain.py"), port=first.port):
                assert time.monotonic() - began < 3
            reap_adopted(set())

    def test_descriptors_return_to_where_they_were(self) -> None:
        with Supervisor(command=python_server("plain.py"), config={"restart": PATIENT}) as supervisor:
            def open_now() -> int:
                return len(os.listdir(f"/proc/{supervisor.pid}/fd"))

            def round_trip(_: int) -> None:
                with LegacySession(supervisor.port) as session, ModernClient(supervisor.port) as client:
                    session.call("echo")
                    client.call("die")
                    eventually("calls work again", lambda: client.call("echo").answer.get("result"))
                    session.delete()

            round_trip(0)
            eventually("connections are closed", lambda: supervisor.health()["connections"] <= 1)
            before = open_now()
            for index in range(10):
                round_trip(index)
            eventually("connections are closed", lambda: supervisor.health()["connections"] <= 1)
            try:
                eventually(f"{before} descriptors again", lambda: open_now() <= before, within=3)
            except AssertionError:
                print([os.readlink(f"/proc/{supervisor.pid}/fd/{n}") for n in os.listdir(f"/proc/{supervisor.pid}/fd")])
                raise
            assert not [found for found in all_stats() if found.parent == supervisor.pid and found.state == "Z"]
