"""64 clients with the same ids and the same progress tokens: nobody sees a byte that is not theirs."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from harness.mcp import Client, Exchange, LegacySession, ModernClient
from harness.supervisor import Supervisor, python_server

CLIENTS = 64
CALLS = 25


def together(work: Callable[[int], None], within: float = 100) -> None:
    """Runs `work` for every client at once; all start at the same moment."""
    barrier = threading.Barrier(CLIENTS)
    faults: list[str] = []

    def run(index: int) -> None:
        try:
            barrier.wait(30)
            work(index)
        except BaseException as error:  # noqa: BLE001 - every fault of a thread is reported by the test.
            faults.append(f"client {index}: {error!r}")
            barrier.abort()

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(within)
    assert not any(thread.is_alive() for thread in threads)
    assert not faults, faults[:5]


@pytest.mark.parametrize("era", ["modern", "legacy", "mixed"])
def test_progress_and_results_go_to_their_owner(plain: Supervisor, era: str) -> None:
    def work(index: int) -> None:
        modern = era == "modern" or (era == "mixed" and index % 2 == 0)
        client: Any = ModernClient(plain.port) if modern else LegacySession(plain.port)
        with client:
            for number in range(1, CALLS + 1):
                nonce = f"<{index}:{number}>"
                exchange = client.call("steps", {"count": 3, "nonce": nonce}, token=number, id=number)
                assert [note["params"]["progressToken"] for note in exchange.notifications] == [number] * 3
                assert [note["params"]["message"] for note in exchange.notifications] == [nonce] * 3
                assert json.loads(exchange.text) == {"nonce": nonce}
            client.connection.assert_open_and_silent()

    together(work)


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_rows_go_to_their_owner(sample: Supervisor, era: str) -> None:
    def work(index: int) -> None:
        client: Any = ModernClient(sample.port) if era == "modern" else LegacySession(sample.port)
        with client:
            for number in range(1, CALLS + 1):
                nonce = f"<{index}:{number}>"
                exchange = client.call("execute_query", {"database": "sample", "query": f"SELECT '{nonce}' AS nonce"}, id=number)
                text = json.dumps(exchange.result)
                assert nonce in text and text.count("<") == text.count(nonce), text
            client.connection.assert_open_and_silent()

    together(work)


def test_one_client_cannot_cancel_anothers_call(plain: Supervisor) -> None:
    def work(index: int) -> None:
        with LegacySession(plain.port) as session:
            for id in range(1, CALLS + 1):
                session.notify("notifications/cancelled", {"requestId": (id + 1)})
                exchange = session.call("slow", {"seconds": 0.01, "nonce": f"{index}/{id}", "name": "x"}, id=id)
                assert json.loads(exchange.text)["nonce"] == f"{index}/{id}"

    together(work)


# Calls of all 64 clients together. A million takes some minutes: SHARING_CALLS=1000000 pytest test_collisions.py -k workload
SHARING_CALLS = int(os.environ.get("SHARING_CALLS", "3200"))
# How often the worker is killed meanwhile.
KILL_EVERY = float(os.environ.get("SHARING_KILL_EVERY", "0.5"))


class Workload:
    """One client of the sharing workload. Every client uses the same ids and tokens; every nonce is used once."""

    def __init__(self, supervisor: Supervisor, index: int) -> None:
        self.port, self.index = supervisor.port, index
        self.random = random.Random(index)
        self.modern = index % 2 == 0
        self.counts: dict[str, int] = {}
        self.client: Any = None

    def run(self) -> None:
        for number in range(1, SHARING_CALLS // CLIENTS + 1):
            if self.client is None:
                self.client = ModernClient(self.port, timeout=60.0) if self.modern else LegacySession(self.port, timeout=60.0)
            nonce = f"<{self.index}:{number}>"
            kind = self.random.choices(["echo", "steps", "cancel", "leave"], [70, 20, 5, 5])[0]
            outcome = getattr(self, kind)(nonce, number)
            self.counts[outcome] = self.counts.get(outcome, 0) + 1
        if self.client is not None:
            self.client.connection.assert_open_and_silent()
            self.client.close()

    def mine(self, exchange: Exchange, nonce: str) -> str:
        """Exactly one answer, with no other nonce than its own anywhere; an error of ours if the worker was killed."""
        everything = json.dumps(exchange.messages)
        assert set(re.findall(r"<\d+:\d+>", everything)) <= {nonce}, f"foreign bytes for {nonce}: {everything}"
        if "error" in exchange.answer:
            assert exchange.code == -32603 and "delivered" in exchange.error["data"], exchange.answer
            return "lost"
        assert nonce in json.dumps(exchange.result)
        return "answered"

    def echo(self, nonce: str, number: int) -> str:
        return self.mine(self.client.call("echo", {"nonce": nonce}, id=number), nonce)

    def steps(self, nonce: str, number: int) -> str:
        exchange = self.client.call("steps", {"count": 3, "nonce": nonce}, token=number, id=number)
        assert all(note["params"]["progressToken"] == number for note in exchange.notifications)
        assert len(exchange.notifications) <= 3
        return self.mine(exchange, nonce)

    def send_slow(self, nonce: str, number: int) -> None:
        params: dict[str, Any] = {"name": "slow", "arguments": {"seconds": 0.2, "nonce": nonce, "name": nonce}}
        if self.modern:
            params["_meta"] = self.client.meta()
            headers = self.client.standard_headers("tools/call", params)
        else:
            headers = self.client.headers()
        message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        self.client.connection.send(self.client.post_bytes(json.dumps(message).encode(), headers))

    def cancel(self, nonce: str, number: int) -> str:
        """A legacy client cancels by a notification on another connection; then the first has an answer or an empty end."""
        if self.modern:
            return self.leave(nonce, number)
        self.send_slow(nonce, number)
        with Client(self.port, timeout=60.0) as other:
            other.revision = self.client.revision
            note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}
            assert other.post(json.dumps(note).encode(), self.client.headers()).status == 202
        exchange = self.client.read("tools/call")
        return self.mine(exchange, nonce) if exchange.messages else "cancelled"

    def leave(self, nonce: str, number: int) -> str:
        """The client goes away in the middle and comes back on another connection."""
        self.send_slow(nonce, number)
        if self.modern:
            self.client.close()
        else:
            self.client.close()
            self.client = None
        return "left"


def test_the_sharing_workload() -> None:
    """Cancels, disconnects and killed workers among colliding ids: no foreign byte, one answer for each request that waits for one."""
    config = {
        "mcpServers": {"plain": {"command": python_server("plain.py")[0], "args": python_server("plain.py")[1:]}},
        "restart": {"deaths": 1000, "delayMin": "1ms", "delayMax": "50ms"},
        "limits": {"connections": 1000},
    }
    with Supervisor(config=config) as supervisor:
        clients = [Workload(supervisor, index) for index in range(CLIENTS)]
        done = threading.Event()
        kills = 0

        def kill() -> None:
            nonlocal kills
            while not done.wait(KILL_EVERY):
                for worker in supervisor.workers():
                    worker.kill(signal.SIGKILL)
                    kills += 1

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        try:
            together(lambda index: clients[index].run(), within=100 + SHARING_CALLS / 300)
        finally:
            done.set()
            killer.join(10)
        total: dict[str, int] = {}
        for client in clients:
            for outcome, count in client.counts.items():
                total[outcome] = total.get(outcome, 0) + count
        print(f"{sum(total.values())} calls: {total}; {kills} workers killed")
        assert sum(total.values()) == SHARING_CALLS // CLIENTS * CLIENTS
        assert total.get("answered", 0) > SHARING_CALLS / 4
        # Nothing is left of those that went away.
        with ModernClient(supervisor.port) as last:
            assert last.call("echo", {"nonce": "<9:9>"}).status == 200
