"""64 clients with the same ids and the same progress tokens: nobody sees a byte that is not theirs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from harness.mcp import LegacySession, ModernClient
from harness.supervisor import Supervisor

CLIENTS = 64
CALLS = 25


def together(work: Callable[[int], None]) -> None:
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
        thread.join(100)
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
