"""Servers that other people wrote, from PyPI, and one for Node: the same values through the supervisor as over plain stdio.

No MCP server for Node comes from Debian or PyPI, so that one is ours (servers/node_server.mjs), with Node's own library alone.
"""

from __future__ import annotations

import http.server
import json
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.peers import AnyPeer, DriverPeer, RPCError, StdioPeer
from harness.supervisor import PROJECT, SERVERS, SUPERVISOR, Supervisor
from matrix.pairs import CLIENTS, NETWORK
from matrix.pending import PENDING_REAL

# What the supervisor adds for a modern client, and what an SDK's model fills in.
ENVELOPE = ("_meta", "resultType", "ttlMs", "cacheScope", "execution")
# What a client of 2024-11-05 does not know.
LATER = ("structuredContent", "outputSchema", "title", "annotations", "icons")


@dataclass(frozen=True)
class RealServer:
    command: Callable[[Path], list[str]]
    """Prepares what the server needs in the directory."""
    requests: Callable[[Path], list[tuple[str, dict[str, Any]]]]


def call(tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    return ("tools/call", {"name": tool, "arguments": arguments})


TOOLS = ("tools/list", {})


def installed(program: str, environment: str = ".venv-servers") -> str:
    path = PROJECT / environment / "bin" / program
    if not path.exists():
        pytest.skip(f"no {environment}/bin/{program}: run `make venvs`")
    return str(path)


def time_command(directory: Path) -> list[str]:
    return [installed("mcp-server-time"), "--local-timezone", "Europe/Berlin"]


def time_requests(directory: Path) -> list[tuple[str, dict[str, Any]]]:
    return [
        TOOLS, call("convert_time", source_timezone="Europe/Berlin", time="16:30", target_timezone="Asia/Tokyo"),
        call("convert_time", source_timezone="Nowhere/Land", time="16:30", target_timezone="Asia/Tokyo"), call("nothing")]


def git(directory: Path, *arguments: str) -> None:
    fixed = {"GIT_AUTHOR_DATE": "2026-01-02T03:04:05+00:00", "GIT_COMMITTER_DATE": "2026-01-02T03:04:05+00:00", "PATH": "/usr/bin:/bin",
             "HOME": str(directory), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "-C", str(directory), "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *arguments], check=True,
                   capture_output=True, env=fixed)


def git_command(directory: Path) -> list[str]:
    command = installed("mcp-server-git")
    if shutil.which("git") is None:
        pytest.skip("no git on this machine")
    repository = directory / "repository"
    repository.mkdir()
    git(repository, "init", "--initial-branch=main")
    for number in (1, 2):
        (repository / "poem.txt").write_text(f"line {number}, with ü and \u2028 in it\n")
        git(repository, "add", ".")
        git(repository, "commit", "-m", f"line {number}")
    (repository / "poem.txt").write_text("changed, not committed\n")
    return [command, "--repository", str(repository)]


def git_requests(directory: Path) -> list[tuple[str, dict[str, Any]]]:
    path = str(directory / "repository")
    return [
        TOOLS, call("git_status", repo_path=path), call("git_log", repo_path=path, max_count=5), call("git_show", repo_path=path, revision="HEAD"),
        call("git_diff_unstaged", repo_path=path), call("git_show", repo_path=path, revision="nothing"),
        call("git_status", repo_path="/nowhere")]


def sqlite_command(directory: Path) -> list[str]:
    command = installed("mcp-server-sqlite", ".venv-servers-legacy")
    database = directory / "shop.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE goods (id INTEGER PRIMARY KEY, name TEXT, price REAL)")
        connection.executemany("INSERT INTO goods (name, price) VALUES (?, ?)", [("Tee ☕", 3.5), ("Brot", 2.25), (None, 0)])
    connection.close()
    return [command, "--db-path", str(database)]


def sqlite_requests(directory: Path) -> list[tuple[str, dict[str, Any]]]:
    return [
        TOOLS, call("list_tables"), call("describe_table", table_name="goods"), call("read_query", query="SELECT * FROM goods ORDER BY id"),
        call("read_query", query="DROP TABLE goods"), ("resources/list", {}), ("resources/read", {"uri": "memo://insights"}),
        ("prompts/list", {}), ("prompts/get", {"name": "mcp-demo", "arguments": {"topic": "tea"}})]


def fetch_command(directory: Path) -> list[str]:
    return [installed("mcp-server-fetch"), "--ignore-robots-txt"]


def fetch_requests(directory: Path) -> list[tuple[str, dict[str, Any]]]:
    url = (directory / "page").read_text()
    return [
        TOOLS, call("fetch", url=url, raw=True), call("fetch", url=url, raw=True, max_length=10, start_index=5), ("prompts/list", {}),
        ("prompts/get", {"name": "fetch", "arguments": {"url": url}})]


def node_command(directory: Path) -> list[str]:
    node = shutil.which("node") or shutil.which("nodejs")
    if node is None:
        pytest.skip("no Node on this machine")
    return [node, str(SERVERS / "node_server.mjs")]


def node_requests(directory: Path) -> list[tuple[str, dict[str, Any]]]:
    return [
        TOOLS, call("echo", text="é \u2028 \U0001f600"), call("large", length=400_000), call("later"), call("stdin"), call("nothing"),
        ("resources/list", {}), ("resources/read", {"uri": "node://versions"})]


REAL = {
    "time": RealServer(time_command, time_requests), "git": RealServer(git_command, git_requests),
    "sqlite": RealServer(sqlite_command, sqlite_requests), "fetch": RealServer(fetch_command, fetch_requests),
    "node": RealServer(node_command, node_requests),
}


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = "One page, always the same: grüße.\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def plain_value(value: Any, without: tuple[str, ...]) -> Any:
    """A result without what differs by right: the modern envelope, and defaults that an SDK writes out or leaves out."""
    if isinstance(value, dict):
        return {key: plain_value(inner, without) for key, inner in value.items()
                if key not in without and inner is not None and (key, inner) != ("isError", False)}
    return [plain_value(inner, without) for inner in value] if isinstance(value, list) else value


def outcome(client: AnyPeer, method: str, params: dict[str, Any], without: tuple[str, ...]) -> Any:
    try:
        return plain_value(client.request(method, params), without)
    except RPCError as error:
        assert error.code != 0, error
        return {"code": error.code, "message": error.message}


@dataclass
class Prepared:
    directory: Path
    command: list[str]
    requests: list[tuple[str, dict[str, Any]]]
    expected: list[Any]
    """The results over plain stdio."""
    supervisor: Supervisor


@pytest.fixture(scope="module", params=list(REAL))
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    directory = tmp_path_factory.mktemp(request.param)
    server = REAL[request.param]
    page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    (directory / "page").write_text(f"http://127.0.0.1:{page.server_port}/page.txt")
    command = server.command(directory)
    requests = server.requests(directory)
    with StdioPeer(command) as client:
        expected = [outcome(client, *one, ENVELOPE) for one in requests]
    assert not any("code" in one for one in expected[:2]), json.dumps(expected[:2])[:2000]
    try:
        with Supervisor(command=command, start_within=30) as supervisor:
            yield Prepared(directory, command, requests, expected, supervisor)
    finally:
        DriverPeer.end_all()
        page.shutdown()
        page.server_close()


def clients() -> Iterator[object]:
    for client in CLIENTS:
        marks = [pytest.mark.xfail(strict=True, reason="pending")] if client in PENDING_REAL else []
        if client == "SDK 1":
            marks.append(pytest.mark.needs("sdk1"))
        yield pytest.param(client, marks=marks)


@pytest.mark.parametrize("client", list(clients()))
def test_the_values_are_those_of_plain_stdio(prepared: Prepared, client: str, tmp_path: Path) -> None:
    if client == "stdio":
        own = ["--runtime-dir", str(tmp_path / "run"), "--state-dir", str(tmp_path / "state")]
        peer: AnyPeer = StdioPeer([str(SUPERVISOR), "stdio", *own, "--", *prepared.command], cwd=tmp_path)
    else:
        peer = NETWORK[client](prepared.supervisor, "call")
    without = (*ENVELOPE, *LATER) if client == "HTTP+SSE" else ENVELOPE
    with peer:
        for (method, params), expected in zip(prepared.requests, prepared.expected, strict=True):
            got = outcome(peer, method, params, without)
            assert got == plain_value(expected, without), f"{method} {json.dumps(params)[:300]}"
