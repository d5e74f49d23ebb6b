"""A server whose list of tools changes: the clients that asked to be told are told, each in the manner of its revision, until a drain ends it."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from mcp import Client
from mcp.client.subscriptions import ToolsListChanged

import test_sdk1
from harness import schema, wire
from harness.mcp import META, MODERN, LegacySession, ModernClient
from harness.processes import descendants, eventually
from harness.supervisor import SDK1_PYTHON, Supervisor, python_server

WITHIN = 10


@pytest.fixture(params=["sdk2", "sdk1"])
def growing(request: pytest.FixtureRequest) -> Iterator[Supervisor]:
    """A server of its own: what is added to its list stays there."""
    sdk = int(request.param[-1])
    if sdk == 1 and not SDK1_PYTHON.exists():
        pytest.skip("no .venv-sdk1: run `make venvs`")
    with Supervisor(command=python_server(f"sdk{sdk}_server.py", sdk=sdk)) as supervisor:
        yield supervisor


class Listener:
    """A `subscriptions/listen` on a connection of its own. Every message is checked against the schema."""

    def __init__(self, port: int, id: Any, **wanted: bool) -> None:
        client = ModernClient(port)
        params = {"notifications": wanted, "_meta": client.meta()}
        body = json.dumps({"jsonrpc": "2.0", "id": id, "method": "subscriptions/listen", "params": params}).encode()
        self.id = id
        self.connection = wire.Connection(port)
        self.connection.send(client.post_bytes(body, client.standard_headers("subscriptions/listen", params)))
        self.events = self.connection.events(self.connection.read_head())

    def next(self) -> dict[str, Any]:
        """The next message; keep-alive comments are no events."""
        message = next(self.events).message
        schema.check_message(MODERN, message, "subscriptions/listen")
        part = message["result"] if "result" in message else message["params"]
        id = part["_meta"][META + "subscriptionId"]
        assert id == self.id and type(id) is type(self.id), f"{message} names another subscription than {self.id!r}"
        return message

    def assert_ended(self) -> None:
        assert list(self.events) == [], "nothing comes after the result, and the last chunk does"
        self.connection.assert_closed()
        self.connection.close()


@contextmanager
def drain(supervisor: Supervisor) -> Iterator[None]:
    """SIGTERM before the block, a complete end after it."""
    family = descendants(supervisor.pid)
    supervisor.send_signal(signal.SIGTERM)
    yield
    assert supervisor.wait(10) == 0
    supervisor.stopped = True
    supervisor.assert_family_gone(family)


class TestSDK:
    def test_a_modern_client_that_listens_is_told_and_sees_the_new_list(self, growing: Supervisor) -> None:
        async def scenario() -> None:
            async with Client(growing.url, mode=MODERN) as client, client.listen(tools_list_changed=True, prompts_list_changed=True) as subscription:
                assert subscription.honored.tools_list_changed is True
                for name in ("first", "second"):
                    assert name not in {tool.name for tool in (await client.list_tools()).tools}
                    assert not (await client.call_tool("grow", {"name": name})).is_error
                    assert await asyncio.wait_for(anext(subscription), WITHIN) == ToolsListChanged()
                    assert name in {tool.name for tool in (await client.list_tools()).tools}
                    assert (await client.call_tool(name, {"text": "new"})).content[0].text == "new"

        asyncio.run(asyncio.wait_for(scenario(), 60))

    def test_a_modern_client_that_did_not_ask_for_tools_is_not_told(self, growing: Supervisor) -> None:
        async def scenario() -> None:
            async with Client(growing.url, mode=MODERN) as client:
                # The second subscription proves that the change had been told to everybody by then.
                async with client.listen(prompts_list_changed=True) as other, client.listen(tools_list_changed=True) as asked:
                    await client.call_tool("grow", {"name": "third"})
                    assert await asyncio.wait_for(anext(asked), WITHIN) == ToolsListChanged()
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(anext(other), 0.05)

        asyncio.run(asyncio.wait_for(scenario(), 60))

    def test_a_drain_ends_the_subscription_gracefully(self, growing: Supervisor) -> None:
        """The SDK raises SubscriptionLost when the stream ends in any other way than with the result of the request."""

        async def scenario() -> None:
            async with Client(growing.url, mode=MODERN) as client, client.listen(tools_list_changed=True) as subscription:
                await client.call_tool("grow", {"name": "last words"})
                growing.send_signal(signal.SIGTERM)
                events = [event async for event in subscription]
                assert events == [ToolsListChanged()], "what was told before the drain is not lost"

        family = descendants(growing.pid)
        asyncio.run(asyncio.wait_for(scenario(), 30))
        assert growing.wait(10) == 0
        growing.stopped = True
        growing.assert_family_gone(family)

    def test_a_legacy_client_is_told_over_its_get_stream(self, growing: Supervisor) -> None:
        async def scenario() -> None:
            told: asyncio.Queue[str] = asyncio.Queue()

            async def on_message(message: Any) -> None:
                if (method := getattr(message, "method", None)) is not None:
                    await told.put(method)

            async with Client(growing.url, mode="legacy", message_handler=on_message) as client:
                for name in ("first", "second"):
                    assert not (await client.call_tool("grow", {"name": name})).is_error
                    assert await asyncio.wait_for(told.get(), WITHIN) == "notifications/tools/list_changed"
                    assert name in {tool.name for tool in (await client.list_tools()).tools}
                assert told.empty()

        asyncio.run(asyncio.wait_for(scenario(), 60))

    @pytest.mark.needs("sdk1")
    def test_a_client_of_the_first_sdk_is_told_over_its_get_stream(self, growing: Supervisor) -> None:
        outcome = test_sdk1.run(growing.url, ["call", "grow", {"name": "first"}], ["changed"], ["list_tools"], ["call", "grow", {"name": "second"}], ["changed"])
        assert "first" in outcome["results"][2]


class TestStreams:
    def test_each_listener_is_told_once_with_its_own_id(self, plain: Supervisor) -> None:
        listeners = [Listener(plain.port, id, toolsListChanged=True) for id in ("a", 1, "1", "ü")]
        for listener in listeners:
            assert listener.next()["params"]["notifications"] == {"toolsListChanged": True}
        with ModernClient(plain.port) as client:
            for _ in range(3):
                assert client.call("change").status == 200
                for listener in listeners:
                    assert listener.next()["method"] == "notifications/tools/list_changed"
        for listener in listeners:
            listener.connection.assert_open_and_silent()
            listener.connection.close()

    def test_a_kind_that_was_not_asked_for_is_neither_acknowledged_nor_told(self, plain: Supervisor) -> None:
        other, asked = Listener(plain.port, "other", toolsListChanged=False), Listener(plain.port, "asked", toolsListChanged=True)
        assert other.next()["params"]["notifications"] == {}
        asked.next()
        with ModernClient(plain.port) as client:
            client.call("change")
        assert asked.next()["method"] == "notifications/tools/list_changed"
        other.connection.assert_open_and_silent()
        other.connection.close()
        asked.connection.close()

    def test_a_drain_ends_a_listener_with_the_result_of_its_request(self) -> None:
        with Supervisor(command=python_server("plain.py")) as supervisor:
            listeners = [Listener(supervisor.port, id, toolsListChanged=True) for id in (7, "seven")]
            for listener in listeners:
                listener.next()
            with drain(supervisor):
                for listener in listeners:
                    message = listener.next()
                    assert message["id"] == listener.id and message["result"]["resultType"] == "complete"
                    listener.assert_ended()

    def test_a_session_is_told_on_its_stream_and_later_if_it_had_none(self) -> None:
        with Supervisor(command=python_server("plain.py")) as supervisor, LegacySession(supervisor.port) as session:
            stream, head = session.get()
            events = (event for event in stream.events(head) if event.data)
            session.call("change")
            assert next(events).message == {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
            stream.close()
            eventually("the stream has ended", lambda: supervisor.health()["connections"] <= 2)
            session.call("change")
            stream, head = session.get()
            assert next(event for event in stream.events(head) if event.data).message["method"] == "notifications/tools/list_changed"
            stream.close()
