"""What docs/clients.md tells people to type and to write into files works. The clients of others are not run: the official SDK stands in."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from harness.documents import blocks, on_port
from harness.processes import descendants, eventually
from harness.supervisor import PROJECT, SDK1_PYTHON, SUPERVISOR, Supervisor, environment, python_server

DOCUMENT = PROJECT / "docs/clients.md"
TEXT = DOCUMENT.read_text()
BLOCKS = blocks(TEXT)
INSTALLED = "/usr/local/bin/mcp-supervisor"
SQL_TOOLS = ["describe_view", "execute_query", "list_databases", "list_views", "query_view"]
KEY = "test-key-0123456789abcdef0123456789"

# Name of the block -> the key of its map.
STDIO = {"claude-desktop": "mcpServers", "claude-desktop-ssh": "mcpServers", "claude-code-stdio": "mcpServers", "cursor-stdio": "mcpServers", "vscode-stdio": "servers"}
HTTP = {"claude-code": "mcpServers", "cursor": "mcpServers", "vscode": "servers"}
# How the client writes that the key goes here.
KEYED = {"claude-code-key": ("mcpServers", "${MCP_KEY}"), "cursor-key": ("mcpServers", "${env:MCP_KEY}"), "vscode-key": ("servers", "${input:mcp-key}")}
SCRIPTS = {"curl-modern", "curl-session", "rest", "curl-key", "python", "python-1", "python-stdio", "python-key", "websocket", "node", "swift"}
OTHERS = {"claude-desktop-own", "claude-code-add", "claude-code-add-stdio"}


@pytest.fixture(scope="module")
def keyed() -> Iterator[Supervisor]:
    with Supervisor(config={"auth": {"required": True}}, env={"AUTH_TOKENS": KEY}) as supervisor:
        yield supervisor


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Programs that are not here: ssh that stays on this machine, and claude, which tells what it was asked for."""
    directory = tmp_path_factory.mktemp("bin")
    programs = {
        # As ssh does it: options, the host, and the rest is joined and given to a shell.
        "ssh": '#!/bin/bash\nwhile [[ $1 == -* ]]; do shift 2; done\n[[ $1 == you@server.example ]] || exit 255\nshift\nexec sh -c "exec $*"\n',
        "claude": f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n",
    }
    for name, text in programs.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    return f"{directory}:{Path(sys.executable).parent}:{os.environ['PATH']}"


def block(name: str, port: int = 8000) -> str:
    return on_port(BLOCKS[name][1], port).replace(INSTALLED, str(SUPERVISOR))


def entry(name: str, map_key: str, port: int = 8000) -> dict[str, Any]:
    """The one server of a configuration, which must be strict JSON."""
    configuration = json.loads(block(name, port))
    assert set(configuration) <= {map_key, "inputs"}
    (server,) = configuration[map_key].values()
    return server


async def tools_of(client: Client) -> list[str]:
    async with client:
        return sorted(tool.name for tool in (await client.list_tools()).tools)


def started(server: dict[str, Any], path: str, state: Path) -> list[str]:
    """Lists the tools of a command as a client would start it, and checks that it ends with the client."""
    assert set(server) <= {"type", "command", "args"} and server.get("type", "stdio") == "stdio"
    before = {member.pid for member in descendants(os.getpid())}
    # The SDK passes on little more than PATH and HOME; the sample goes to a directory of the test.
    parameters = StdioServerParameters(
        command=shutil.which(server["command"], path=path) or server["command"], args=server["args"],
        env={"PATH": path, "HOME": str(state), "MCP_SUPERVISOR_STATE_DIR": str(state)})
    tools = asyncio.run(asyncio.wait_for(tools_of(Client(parameters)), 30))
    eventually("it ends with its client", lambda: {member.pid for member in descendants(os.getpid()) if member.alive} <= before)
    return tools


def asked(server: dict[str, Any], headers: dict[str, str] | None = None) -> list[str]:
    """Lists the tools at the URL of a configuration."""
    assert set(server) <= {"type", "url", "headers"} and server.get("type", "http") == "http"

    async def run() -> list[str]:
        async with httpx2.AsyncClient(headers=headers) as http:
            return await tools_of(Client(streamable_http_client(server["url"], http_client=http)))

    return asyncio.run(asyncio.wait_for(run(), 30))


def ran(command: list[str], path: str, state: Path, **more: str) -> str:
    env = environment({"PATH": path, "HOME": str(state), "MCP_SUPERVISOR_STATE_DIR": str(state), **more})
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, cwd=state)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def saved(name: str, file: str, directory: Path, port: int) -> str:
    (directory / file).write_text(block(name, port))
    return str(directory / file)


def test_every_block_is_run_or_says_why_not() -> None:
    assert set(BLOCKS) == {*STDIO, *HTTP, *KEYED, *SCRIPTS, *OTHERS}
    fences = [number for number, line in enumerate(TEXT.splitlines()) if line.startswith("```")]
    lines = TEXT.splitlines()
    for number in fences[::2]:
        assert re.fullmatch(r"<!-- (test: [\w-]+|not run: .+) -->", lines[number - 1]), f"line {number + 1}: {lines[number]}"
    assert TEXT.count("<!-- not run: ") == 1


@pytest.mark.parametrize("name", STDIO)
def test_a_command_in_a_configuration_starts_a_server(name: str, path: str, tmp_path: Path) -> None:
    assert started(entry(name, STDIO[name]), path, tmp_path) == SQL_TOOLS


def test_a_server_of_ones_own_in_a_configuration(path: str, tmp_path: Path) -> None:
    server = entry("claude-desktop-own", "mcpServers")
    assert server["args"][2:] == ["python3", "/srv/your_server.py"]
    server["args"][3:] = python_server("plain.py")[1:]
    assert "echo" in started(server, path, tmp_path)


@pytest.mark.parametrize("name", HTTP)
def test_a_url_in_a_configuration_is_served(name: str, sample: Supervisor) -> None:
    assert asked(entry(name, HTTP[name], sample.port)) == SQL_TOOLS


@pytest.mark.parametrize("name", KEYED)
def test_a_key_in_a_configuration_is_accepted(name: str, keyed: Supervisor) -> None:
    map_key, place = KEYED[name]
    server = entry(name, map_key, keyed.port)
    headers = {field: value.replace(place, KEY) for field, value in server["headers"].items()}
    assert headers == {"Authorization": f"Bearer {KEY}"}
    assert asked(server, headers) == SQL_TOOLS
    if place.startswith("${input:"):
        assert [f"${{input:{one['id']}}}" for one in json.loads(block(name))["inputs"]] == [place]


def test_claude_mcp_add(sample: Supervisor, path: str, tmp_path: Path) -> None:
    """A stand-in for `claude` tells its arguments; what they name is served."""
    *options, url = json.loads(ran(["bash", "-euc", block("claude-code-add", sample.port)], path, tmp_path))
    assert options == ["mcp", "add", "--transport", "http", "data"]
    assert asked({"url": url}) == SQL_TOOLS
    arguments = json.loads(ran(["bash", "-euc", block("claude-code-add-stdio")], path, tmp_path))
    assert arguments[:6] == ["mcp", "add", "--transport", "stdio", "data", "--"]
    assert started({"command": arguments[6], "args": arguments[7:]}, path, tmp_path) == SQL_TOOLS


class TestScripts:
    def test_curl_without_a_session(self, sample: Supervisor, path: str, tmp_path: Path) -> None:
        answer = json.loads(ran(["bash", "-euc", block("curl-modern", sample.port)], path, tmp_path))
        assert answer["id"] == 1 and answer["result"]["structuredContent"]["rows"] == [[42]]

    def test_curl_with_a_session(self, sample: Supervisor, path: str, tmp_path: Path) -> None:
        before = sample.health()["sessions"]
        answer = json.loads(ran(["bash", "-euc", block("curl-session", sample.port)], path, tmp_path))
        assert answer["id"] == 1 and answer["result"]["structuredContent"]["rows"] == [[42]]
        eventually("the session has ended", lambda: sample.health()["sessions"] <= before)

    def test_rest(self, sample: Supervisor, path: str, tmp_path: Path) -> None:
        output, decoder, answers = ran(["bash", "-euc", block("rest", sample.port)], path, tmp_path), json.JSONDecoder(), []
        while output:
            answer, end = decoder.raw_decode(output)
            answers.append(answer)
            output = output[end:].lstrip()
        listed, called, again = answers
        assert sorted(tool["name"] for tool in listed["tools"]) == SQL_TOOLS and listed["tools"] == again["tools"]
        assert called["structuredContent"]["rows"] == [[42]]

    def test_curl_with_a_key(self, keyed: Supervisor, path: str, tmp_path: Path) -> None:
        line = block("curl-key", keyed.port)
        listed = json.loads(ran(["bash", "-euc", line], path, tmp_path, MCP_KEY=KEY))
        assert sorted(tool["name"] for tool in listed["tools"]) == SQL_TOOLS
        assert ran(["bash", "-euc", f"{line} -o /dev/null -w '%{{http_code}}'"], path, tmp_path, MCP_KEY="wrong") == "401"

    @pytest.mark.parametrize("name", ["python", "python-stdio", "python-key", "websocket", "python-1"])
    def test_python(self, name: str, sample: Supervisor, keyed: Supervisor, path: str, tmp_path: Path) -> None:
        if name == "python-1" and not SDK1_PYTHON.exists():
            pytest.skip("no .venv-sdk1: run `make venvs`")
        port = (keyed if name == "python-key" else sample).port
        python = str(SDK1_PYTHON) if name == "python-1" else sys.executable
        output = ran([python, saved(name, "ask.py", tmp_path, port)], path, tmp_path, MCP_KEY=KEY)
        if name != "websocket":
            assert all(tool in output for tool in SQL_TOOLS), output
        if name in ("python", "python-1", "websocket"):
            assert "42" in output, output

    def test_node(self, sample: Supervisor, path: str, tmp_path: Path) -> None:
        node = shutil.which("node") or shutil.which("nodejs")
        if node is None:
            pytest.skip("no node on this machine")
        output = ran([node, saved("node", "ask.mjs", tmp_path, sample.port)], path, tmp_path)
        assert all(tool in output for tool in SQL_TOOLS) and "42" in output, output

    def test_swift(self, sample: Supervisor, path: str, tmp_path: Path) -> None:
        swift = shutil.which("swift")
        if swift is None:
            pytest.skip("no swift in PATH")
        output = ran([swift, saved("swift", "ask.swift", tmp_path, sample.port)], path, tmp_path)
        assert all(tool in output for tool in SQL_TOOLS) and "| 42 |" in output, output
