"""Streams that outlive their connections: raw sockets, and the official SDK behind a proxy that cuts."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from mcp import Client

from harness.mcp import LEGACY, LegacySession
from harness.processes import eventually
from harness.supervisor import Supervisor, python_server
from harness.wire import Connection, Event

RESET = struct.pack("ii", 1, 0)


class CuttingProxy:
    """Passes bytes on, and resets each of the first `cuts` connections that carry an event stream, `after` bytes into the stream."""

    def __init__(self, cuts: int, after: int) -> None:
        self.cuts, self.after = cuts, after
        # Known only later, because the supervisor's `hosts` has to name the proxy.
        self.target = 0
        self.cut = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.forward, args=(client, server), daemon=True).start()
            threading.Thread(target=self.back, args=(server, client), daemon=True).start()

    @staticmethod
    def end(*sockets: socket.socket) -> None:
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def forward(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        self.end(source, sink)

    def back(self, source: socket.socket, sink: socket.socket) -> None:
        seen, streamed = b"", 0
        try:
            while data := source.recv(65536):
                seen = (seen + data)[-65536 * 2 :]
                marker = seen.find(b"text/event-stream")
                if marker >= 0 and (head := seen.find(b"\r\n\r\n", marker)) >= 0:
                    streamed = len(seen) - head - 4
                    with self.lock:
                        cuts = streamed >= self.after and self.cut < self.cuts
                        self.cut += cuts
                    if cuts:
                        sink.sendall(data[: len(data) - (streamed - self.after)])
                        break
                sink.sendall(data)
        except OSError:
            pass
        self.end(source, sink)


@pytest.fixture(params=LEGACY)
def session(plain: Supervisor, request: pytest.FixtureRequest) -> Iterator[LegacySession]:
    with LegacySession(plain.port, request.param) as session:
        yield session


def begin(session: LegacySession, tool: str, arguments: dict[str, Any], id: str) -> Connection:
    """Posts a call on a connection of its own."""
    params = {"name": tool, "arguments": arguments, "_meta": {"progressToken": id}}
    connection = Connection(session.port)
    body = json.dumps({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).encode()
    connection.send(session.post_bytes(body, session.headers()))
    return connection


def resume(session: LegacySession, id: str) -> list[Event]:
    connection, head = session.get({"Last-Event-ID": id})
    with connection:
        assert head.status == 200, head
        return list(connection.events(head))


def messages(events: list[Event]) -> list[Any]:
    return [event.message for event in events if event.data]


def test_what_was_missed_is_replayed_after_each_event(session: LegacySession) -> None:
    with begin(session, "steps", {"count": 20, "nonce": "n"}, "a") as connection:
        head = connection.read_head()
        events = list(connection.events(head))
    said = [event for event in events if event.data]
    assert (events[0].data == "" and events[0].retry is not None) == (session.revision == "2025-11-25"), events[0]
    assert all(event.id for event in events) and len({event.id for event in events}) == len(events) and len(said) == 21
    for index in (0, 7, 19, 20):
        assert messages(resume(session, said[index].id)) == messages(said[index + 1 :])


def test_a_call_goes_on_without_its_connection(session: LegacySession) -> None:
    connection = begin(session, "steps", {"count": 3, "nonce": "m"}, "b")
    head = connection.read_head()
    first = next(event for event in connection.events(head) if event.data)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()
    rest = messages(resume(session, first.id))
    assert [message["params"]["progress"] for message in rest[:-1]] == [2, 3] and rest[-1]["id"] == "b"


def test_a_cancelled_call_is_resumed_to_an_end_without_an_answer() -> None:
    config = {"limits": {"keepAlive": "200ms"}}
    with Supervisor(command=python_server("plain.py"), config=config) as supervisor, LegacySession(supervisor.port) as session:
        with begin(session, "slow", {"seconds": 60, "name": "gone"}, "c") as connection:
            primed = next(iter(connection.events(connection.read_head())))
            assert primed.data == "" and primed.id
        assert session.notify("notifications/cancelled", {"requestId": "c"}).status == 202
        eventually("the call is cancelled", lambda: "cancelled gone" in session.call("past").text)
        assert messages(resume(session, primed.id)) == []


def test_a_stream_is_taken_over_while_its_connection_lives(plain: Supervisor) -> None:
    with LegacySession(plain.port) as session:
        old, head = session.get()
        events = old.events(head)
        primed = next(events)
        new, head = session.get({"Last-Event-ID": primed.id})
        assert head.status == 200
        assert [event.retry for event in events if not event.id] == [1000], "the old connection ends"
        session.call("change")
        changed = next(event for event in new.events(head) if event.data)
        assert changed.message["method"] == "notifications/tools/list_changed"
        new.close()
        session.call("change")
        connection, head = session.get({"Last-Event-ID": changed.id})
        with connection:
            again = next(event for event in connection.events(head) if event.data)
        assert again.message["method"] == "notifications/tools/list_changed" and again.id != changed.id


def test_random_ids_are_refused_with_400_and_disturb_nothing(plain: Supervisor) -> None:
    draw = random.Random(20)
    alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABC-_.~ \t%\"\\/,;=é"
    with LegacySession(plain.port) as session:
        stream, head = session.get()
        events = stream.events(head)
        known = next(events).id
        for length in [*range(0, 40), 300, 3000]:
            text = "".join(draw.choice(alphabet) for _ in range(length)).strip()
            if text == known:
                continue
            connection, refused = session.get({"Last-Event-ID": text})
            connection.close()
            assert refused.status == 400, (text, refused)
        for text in ("1-0", "0-1", f"{known}0", f"0{known}", known.upper() + "-", "1" * 14 + "-1", "3w5e11264sgsf-1", "3w5e11264sgsg-1"):
            connection, refused = session.get({"Last-Event-ID": text})
            connection.close()
            assert refused.status == 400, (text, refused)
        session.call("change")
        assert next(event for event in events if event.data).message["method"] == "notifications/tools/list_changed"
        stream.close()


def test_another_session_knows_nothing_of_an_id(plain: Supervisor) -> None:
    with LegacySession(plain.port) as one, LegacySession(plain.port) as other:
        stream, head = one.get()
        with stream:
            id = next(stream.events(head)).id
            connection, refused = other.get({"Last-Event-ID": id})
            connection.close()
            assert refused.status == 400
            connection, refused = one.get({"Last-Event-ID": id, "Mcp-Session-Id": "0" * 32})
            connection.close()
            assert refused.status == 404


@pytest.mark.parametrize("cuts", [1, 2])
@pytest.mark.parametrize("after", [120, 200, 500, 1500])
def test_the_official_sdk_resumes_a_call_that_was_cut(cuts: int, after: int) -> None:
    steps: list[float] = []

    async def watch(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)

    async def run(url: str) -> str:
        async with Client(url, mode="legacy") as client:
            result = await client.call_tool("progress", {"steps": 30}, progress_callback=watch)
            return result.content[0].text

    with CuttingProxy(cuts=cuts, after=after) as proxy, Supervisor(
        command=python_server("sdk2_server.py"), config={"hosts": ["auto", f"127.0.0.1:{proxy.port}"]}
    ) as supervisor:
        proxy.target = supervisor.port
        text = asyncio.run(asyncio.wait_for(run(f"http://127.0.0.1:{proxy.port}/mcp"), 30))
        assert text == "30 steps" and proxy.cut >= 1
    if cuts > 1:
        # This client resumes a resumed stream that breaks after the id it first named, so it sees some again.
        steps = sorted(set(steps))
    assert steps == [float(step) for step in range(1, 31)], "each once and in order"
