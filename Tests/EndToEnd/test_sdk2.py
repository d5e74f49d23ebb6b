"""The official Python SDK 2.x, in modern (2026-07-28) and legacy mode, as a user has it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from harness.processes import eventually, stat
from harness.supervisor import Supervisor, python_server

MODES = ("2026-07-28", "auto", "legacy")
EXPECTED_VERSION = {"2026-07-28": "2026-07-28", "auto": "2026-07-28", "legacy": "2025-11-25"}
SQL_TOOLS = ["describe_view", "execute_query", "list_databases", "list_views", "query_view"]


def with_client(url: str, scenario: Callable[[Client], Awaitable[Any]], **options: Any) -> Any:
    async def run() -> Any:
        async with Client(url, **options) as client:
            return await scenario(client)

    return asyncio.run(asyncio.wait_for(run(), 60))


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


def text_of(result: Any) -> str:
    return "".join(block.text for block in result.content if block.type == "text")


def test_the_connection_negotiates_the_right_revision(sample: Supervisor, mode: str) -> None:
    async def scenario(client: Client) -> None:
        assert client.protocol_version == EXPECTED_VERSION[mode]
        assert client.server_capabilities.tools is not None or mode == "2026-07-28"  # A pinned client asks nobody for them.

    with_client(sample.url, scenario, mode=mode)


def test_the_sql_tools_are_listed_with_their_schemas(sample: Supervisor, mode: str) -> None:
    async def scenario(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert sorted(tools) == SQL_TOOLS
        for tool in tools.values():
            assert tool.description and tool.input_schema["type"] == "object" and tool.output_schema is not None
            assert tool.annotations.read_only_hint is True and tool.annotations.destructive_hint is False
        assert set(tools["query_view"].input_schema["required"]) == {"database", "view_name"}
        assert tools["execute_query"].input_schema["required"] == ["query"]

    with_client(sample.url, scenario, mode=mode)


def test_a_view_is_found_described_queried_and_selected_from(sample: Supervisor, mode: str) -> None:
    async def scenario(client: Client) -> None:
        databases = await client.call_tool("list_databases")
        assert not databases.is_error and "sample" in text_of(databases) and databases.structured_content
        views = await client.call_tool("list_views", {"database": "sample"})
        assert not views.is_error, views
        view = views.structured_content["views"][0]["name"]
        assert view in text_of(views)
        described = await client.call_tool("describe_view", {"database": "sample", "view_name": view})
        assert not described.is_error and described.structured_content["columns"], described
        queried = await client.call_tool("query_view", {"database": "sample", "view_name": view, "limit": 3})
        assert not queried.is_error and len(queried.structured_content["rows"]) == 3, queried
        selected = await client.call_tool("execute_query", {"query": f"SELECT count(*) AS n FROM {view}", "database": "sample"})
        assert not selected.is_error and len(selected.structured_content["rows"]) == 1, selected
        assert "|" in text_of(selected), "the text is a Markdown table"

    with_client(sample.url, scenario, mode=mode)


@pytest.mark.parametrize("statement", ["DELETE FROM customers", "SELEC 1", "SELECT * FROM nowhere", "PRAGMA query_only = 0", "ATTACH 'x' AS y"])
def test_a_refused_statement_is_a_tool_error_that_helps(sample: Supervisor, mode: str, statement: str) -> None:
    async def scenario(client: Client) -> None:
        result = await client.call_tool("execute_query", {"query": statement, "database": "sample"})
        assert result.is_error and len(text_of(result)) > 10, result

    with_client(sample.url, scenario, mode=mode)


def test_an_unknown_tool_is_an_error_and_the_connection_lives_on(sample: Supervisor, mode: str) -> None:
    async def scenario(client: Client) -> None:
        with pytest.raises(MCPError) as raised:
            await client.call_tool("no_such_tool", {})
        assert raised.value.code == -32602
        assert (await client.list_tools()).tools

    with_client(sample.url, scenario, mode=mode)


def test_a_client_that_gives_up_stops_the_statement(mode: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    async def scenario(client: Client) -> None:
        await client.list_tools()
        with pytest.raises((MCPError, TimeoutError)):
            await client.call_tool("execute_query", {"query": endless, "database": "sample"}, read_timeout_seconds=0.3)
        result = await client.call_tool("list_databases")
        assert not result.is_error

    with Supervisor() as supervisor:
        with_client(supervisor.url, scenario, mode=mode)
        worker = supervisor.the_worker()

        def idle() -> bool:
            before = stat(worker.pid).ticks
            asyncio.run(asyncio.sleep(0.15))  # The span over which processor time is compared.
            return stat(worker.pid).ticks == before

        # The statement's own time limit is 5 s; ending well before it shows that the cancellation did it.
        eventually("the worker uses no processor time any more", idle, within=2.5)


class TestThirdPartyServer:
    """The same client on servers written with the SDK 2.x (dual-era) and 1.x (legacy)."""

    @pytest.fixture(params=["sdk2", "sdk1"])
    def server(self, request: pytest.FixtureRequest) -> Supervisor:
        return request.getfixturevalue(request.param)

    def test_tools_are_listed_and_called(self, server: Supervisor, mode: str) -> None:
        async def scenario(client: Client) -> None:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert {"echo", "add", "slow", "progress", "log", "fail"} <= set(tools)
            result = await client.call_tool("echo", {"text": "grüße \u2028 \n 🎈"})
            assert text_of(result) == "grüße \u2028 \n 🎈" and not result.is_error
            result = await client.call_tool("add", {"a": 2, "b": 40})
            assert result.structured_content == {"result": 42}

        with_client(server.url, scenario, mode=mode)

    def test_progress_arrives_in_order_before_the_result(self, server: Supervisor, mode: str) -> None:
        seen: list[tuple[float, float | None, str | None]] = []

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            seen.append((progress, total, message))

        async def scenario(client: Client) -> None:
            result = await client.call_tool("progress", {"steps": 5}, progress_callback=on_progress)
            assert text_of(result) == "5 steps"

        with_client(server.url, scenario, mode=mode)
        assert seen == [(float(step), 5.0, f"step {step}") for step in range(1, 6)]

    @pytest.mark.parametrize("sdk", [2, 1])
    def test_log_messages_reach_the_client_that_asked_for_them(self, mode: str, sdk: int) -> None:
        """With a server of its own: after a cancelled call nobody can tell whose a log line is, and it is not passed on."""
        logs: list[Any] = []

        async def on_log(params: Any) -> None:
            logs.append((params.level, params.data))

        async def scenario(client: Client) -> None:
            if mode == "legacy":
                with contextlib.suppress(MCPError):  # Expected: the servers of both SDKs send log messages without offering setLevel.
                    await client.set_logging_level("info")
            await client.call_tool("log", {"level": "warning", "message": "look here"})
            deadline = asyncio.get_running_loop().time() + 5
            while not logs and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0.005)

        with Supervisor(command=python_server(f"sdk{sdk}_server.py", sdk=sdk)) as supervisor:
            with_client(supervisor.url, scenario, mode=mode, logging_callback=on_log, log_level="info")
        assert logs == [("warning", "look here")]

    def test_a_failing_tool_is_an_error_result(self, server: Supervisor, mode: str) -> None:
        async def scenario(client: Client) -> None:
            result = await client.call_tool("fail", {"message": "on purpose"})
            assert result.is_error and "on purpose" in text_of(result)

        with_client(server.url, scenario, mode=mode)

    def test_a_client_that_gives_up_cancels_the_call(self, server: Supervisor, mode: str) -> None:
        name = f"given up in {mode}"

        async def scenario(client: Client) -> None:
            await client.list_tools()
            with pytest.raises((MCPError, TimeoutError)):
                await client.call_tool("slow", {"seconds": 60, "name": name}, read_timeout_seconds=0.5)
            deadline = asyncio.get_running_loop().time() + 5
            while asyncio.get_running_loop().time() < deadline:
                past = text_of(await client.call_tool("past"))
                if f"cancelled {name}" in past:
                    return
                await asyncio.sleep(0.01)
            raise AssertionError(f"never cancelled: {past}")

        with_client(server.url, scenario, mode=mode)

    def test_many_calls_at_once_come_back_to_their_callers(self, server: Supervisor, mode: str) -> None:
        async def scenario(client: Client) -> None:
            texts = [f"number {index}" for index in range(50)]
            results = await asyncio.gather(*(client.call_tool("echo", {"text": text}) for text in texts))
            assert [text_of(result) for result in results] == texts

        with_client(server.url, scenario, mode=mode)
