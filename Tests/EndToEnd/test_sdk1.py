"""The official Python SDK 1.x, from an environment of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.supervisor import SDK1_PYTHON, Supervisor, python_server

pytestmark = pytest.mark.needs("sdk1")
CLIENT = Path(__file__).resolve().parent / "clients/sdk1_client.py"


def run(url: str, *steps: list[Any]) -> dict[str, Any]:
    done = subprocess.run([str(SDK1_PYTHON), str(CLIENT), url, json.dumps(steps)], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def text_of(result: dict[str, Any]) -> str:
    return "".join(block["text"] for block in result["content"] if block["type"] == "text")


def test_the_sql_tools_work(sample: Supervisor) -> None:
    outcome = run(
        sample.url, ["list_tools"], ["ping"], ["call", "list_databases", {}], ["call", "list_views", {"database": "sample"}],
        ["call", "execute_query", {"query": "SELECT 6 * 7 AS answer", "database": "sample"}], ["call", "execute_query", {"query": "DROP TABLE customers"}])
    tools, _, databases, views, selected, refused = outcome["results"]
    assert outcome["protocolVersion"] == "2025-11-25" and outcome["session"]
    assert tools == ["describe_view", "execute_query", "list_databases", "list_views", "query_view"]
    assert "sample" in text_of(databases)
    view = views["structuredContent"]["views"][0]["name"]
    assert selected["structuredContent"]["rows"] and "42" in text_of(selected)
    assert refused["isError"]
    (queried,) = run(sample.url, ["call", "query_view", {"database": "sample", "view_name": view, "limit": 2}])["results"]
    assert len(queried["structuredContent"]["rows"]) == 2


@pytest.mark.parametrize("server", ["sdk1", "sdk2"])
def test_a_third_party_server_works(request: pytest.FixtureRequest, server: str) -> None:
    supervisor: Supervisor = request.getfixturevalue(server)
    outcome = run(
        supervisor.url, ["list_tools"], ["log_level", "debug"], ["call", "echo", {"text": "é"}], ["progress", "progress", {"steps": 4}],
        ["call", "fail", {"message": "broken"}],
        ["call", "slow", {"seconds": 60, "name": "left by SDK 1"}, 0.5], ["call", "add", {"a": 1, "b": 2}])
    tools, _, echoed, progressed, failed, timed_out, added = outcome["results"]
    assert "echo" in tools and text_of(echoed) == "é"
    assert progressed["progress"] == [[step, 4, f"step {step}"] for step in (1, 2, 3, 4)]
    assert failed["isError"] and "broken" in text_of(failed)
    assert "error" in timed_out
    assert added["structuredContent"] == {"result": 3}


@pytest.mark.parametrize("sdk", [1, 2])
def test_log_messages_arrive(sdk: int) -> None:
    with Supervisor(command=python_server(f"sdk{sdk}_server.py", sdk=sdk)) as supervisor:
        outcome = run(supervisor.url, ["log_level", "debug"], ["call", "log", {"level": "error", "message": "loud"}], ["call", "echo", {"text": ""}])
    assert ["error", "loud"] in outcome["logs"]
