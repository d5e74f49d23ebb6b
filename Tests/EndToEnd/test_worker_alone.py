"""`mcp-worker sql` is a stdio server of its own: any MCP client can start it without the supervisor."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from harness import schema
from harness.mcp import ModernClient
from harness.supervisor import WORKER, run_command


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.executescript("""
            CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL);
            INSERT INTO item VALUES (1, 'tea', 2.5), (2, 'a|b', NULL), (3, 'ünï', 9007199254740993);
            CREATE VIEW cheap AS SELECT name, price FROM item WHERE price < 5;
        """)
    connection.close()
    return path


def ask(*messages: Any, arguments: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    text = "".join((message if isinstance(message, str) else json.dumps(message)) + "\n" for message in messages)
    done = run_command("sql", *arguments, binary=WORKER, input=text)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def modern(method: str, id: Any = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": {**params, "_meta": ModernClient(1).meta()}}


INITIALIZE = {"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": {
    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}


@pytest.mark.parametrize("mode", ["auto", "legacy", "2026-07-28"])
def test_the_official_client_starts_it_and_reads_rows(database: Path, mode: str) -> None:
    async def run() -> None:
        server = StdioServerParameters(command=str(WORKER), args=["sql", "--database", f"shop=sqlite://{database}"])
        async with Client(server, mode=mode) as client:
            assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
            assert len((await client.list_tools()).tools) == 5
            result = await client.call_tool("query_view", {"database": "shop", "view_name": "cheap"})
            assert not result.is_error and result.structured_content["rows"] == [["tea", 2.5]], result
            result = await client.call_tool("execute_query", {"query": "SELECT name FROM item ORDER BY id"})
            assert [row[0] for row in result.structured_content["rows"]] == ["tea", "a|b", "ünï"]

    asyncio.run(asyncio.wait_for(run(), 30))


def test_it_answers_discover_and_initialize() -> None:
    (discovered,) = ask(modern("server/discover"))
    schema.check_message("2026-07-28", discovered, "server/discover")
    assert "2026-07-28" in discovered["result"]["supportedVersions"]
    (initialized,) = ask(INITIALIZE)
    schema.check_message("2025-06-18", initialized, "initialize")
    assert initialized["result"]["protocolVersion"] == "2025-06-18" and initialized["id"] == "a"


def test_it_ends_at_the_end_of_its_input() -> None:
    assert ask() == []
    assert ask("", "\r") == []


def test_calls_that_were_read_are_answered_before_the_end(database: Path) -> None:
    arguments = ("--database", f"shop=sqlite://{database}")
    calls = [modern("tools/call", id, name="execute_query", arguments={"query": f"SELECT {id} AS n"}) for id in range(1, 21)]
    answers = ask(*calls, arguments=arguments)
    assert sorted(answer["id"] for answer in answers) == list(range(1, 21))
    assert all(answer["result"]["structuredContent"]["rows"] == [[answer["id"]]] for answer in answers)


@pytest.mark.parametrize("line, code", [("{", -32700), ('{"jsonrpc":"2.0","id":1}', -32600), ('{"jsonrpc":"2.0","id":1,"method":5}', -32600)])
def test_a_malformed_line_is_answered_and_the_next_one_still_works(line: str, code: int) -> None:
    first, second = ask(line, modern("tools/list", 2))
    assert first["error"]["code"] == code
    assert second["id"] == 2 and second["result"]["tools"]


def test_the_database_is_never_changed(database: Path) -> None:
    before = database.read_bytes()
    statements = [
        "DELETE FROM item", "INSERT INTO item VALUES (9, 'x', 1)", "UPDATE item SET name = 'x'", "DROP TABLE item", "PRAGMA journal_mode = WAL",
        f"ATTACH '{database}2' AS b", f"VACUUM INTO '{database}3'", "CREATE TEMP TABLE t (a)", "SELECT load_extension('x')", "BEGIN; SELECT 1",
        "WITH x AS (SELECT 1) DELETE FROM item"]
    answers = ask(
        *[modern("tools/call", id, name="execute_query", arguments={"query": statement}) for id, statement in enumerate(statements)],
        arguments=("--database", f"shop=sqlite://{database}"))
    assert [answer["result"]["isError"] for answer in sorted(answers, key=lambda answer: answer["id"])] == [True] * len(statements)
    assert database.read_bytes() == before
    assert sorted(path.name for path in database.parent.iterdir()) == ["shop.db"]
    # What it says to the client is about the query, never about the machine.
    assert str(database.parent) not in json.dumps(answers)
