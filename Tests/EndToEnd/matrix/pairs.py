"""Who meets whom: the clients, the servers, and the tables of docs/bridging.md."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import features as fixture

from harness.network_peers import RESTPeer, SSEPeer, WebSocketPeer
from harness.peers import AnyPeer, DriverPeer, StdioPeer
from harness.supervisor import PROJECT, SUPERVISOR, Supervisor, python_server

from .features import FEATURES, Worker

DOCUMENT = PROJECT / "docs/bridging.md"
ANSWERS = ("same", "absent", "refused", "text", "silent")


def workers(trace: Path | None = None) -> list[Worker]:
    more = [] if trace is None else ["--trace", str(trace)]
    return [
        Worker("legacy 2024-11-05", python_server("legacy.py", "2024-11-05", *more), (fixture.A,)),
        Worker("legacy 2025-11-25", python_server("legacy.py", "2025-11-25", *more), (fixture.D,)),
        Worker("modern", python_server("modern.py", *more), (fixture.E,)),
        Worker("dual", python_server("dual.py", *more), (fixture.D, fixture.E)),
    ]


WORKERS = tuple(worker.name for worker in workers())

@dataclass(frozen=True)
class Front:
    """Where a supervisor is reached: the port itself, and the address for those whose messages a relay has to read."""

    port: int
    url: str


# A client of each kind for a supervisor, or for the stdio command. WebSocket and REST each have two places: the odd features go to the second.
NETWORK: dict[str, Callable[[Supervisor | Front, str], AnyPeer]] = {
    "SDK 2 modern": lambda supervisor, feature: DriverPeer(2, supervisor.url, "2026-07-28"),
    "SDK 2 legacy": lambda supervisor, feature: DriverPeer(2, supervisor.url, "legacy"),
    "SDK 1": lambda supervisor, feature: DriverPeer(1, supervisor.url, "legacy"),
    "HTTP+SSE": lambda supervisor, feature: SSEPeer(supervisor.port),
    "WebSocket": lambda supervisor, feature: WebSocketPeer(supervisor.port, ("/mcp", "/ws")[list(FEATURES).index(feature) % 2]),
    "REST": lambda supervisor, feature: RESTPeer(supervisor.port, plain=list(FEATURES).index(feature) % 2 == 0),
}
CLIENTS = (*NETWORK, "stdio")


def stdio_client(worker: Worker, directory: Path) -> AnyPeer:
    return StdioPeer(
        [str(SUPERVISOR), "stdio", "--runtime-dir", str(directory / "run"), "--state-dir", str(directory / "state"), "--", *worker.command],
        cwd=directory)


def table(heading: str) -> dict[tuple[str, str], str]:
    """The table below `heading` in docs/bridging.md, by row and column."""
    lines = iter(DOCUMENT.read_text().splitlines())
    assert any(line.strip() == heading for line in lines), f"{DOCUMENT} has no {heading}"
    rows = []
    for line in lines:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
        elif rows:
            break
    head, _, *body = rows
    return {(row[0], column): cell for row in body for column, cell in zip(head[1:], row[1:], strict=True)}


@functools.cache
def answers() -> dict[tuple[str, str, str], str]:
    """(client, server, feature) -> answer. What the server's revision lacks comes before what the client's lacks."""
    by_client, by_server = table("### What each client gets"), table("### What each server has")
    result: dict[tuple[str, str, str], Any] = {}
    for client in CLIENTS:
        for server in WORKERS:
            for feature in FEATURES:
                behind, front = by_server[feature, server], by_client[feature, client]
                assert behind in ANSWERS and front in ANSWERS, (feature, behind, front)
                result[client, server, feature] = front if behind == "same" else behind
    assert {row for row, _ in by_client} == {row for row, _ in by_server} == set(FEATURES), "the tables and the checks name other features"
    return result
