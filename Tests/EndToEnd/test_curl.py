"""curl, as in the line that `make run` prints."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from harness.supervisor import Supervisor

LIST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}})


def curl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["curl", "-sS", "--max-time", "20", *arguments], capture_output=True, text=True, timeout=30)


def test_one_stateless_request_lists_the_tools(sample: Supervisor) -> None:
    done = curl(
        "-f", sample.url, "-H", "Content-Type: application/json", "-H", "Accept: application/json, text/event-stream",
        "-H", "MCP-Protocol-Version: 2026-07-28", "-H", "Mcp-Method: tools/list", "-d", LIST)
    assert done.returncode == 0, done.stderr
    assert {"query_view", "execute_query"} <= {tool["name"] for tool in json.loads(done.stdout)["result"]["tools"]}


def test_a_large_body_goes_through_expect_100_continue(sample: Supervisor, tmp_path: Path) -> None:
    body = json.loads(LIST)
    body["params"]["_meta"]["com.example/padding"] = "x" * 200_000
    (tmp_path / "body").write_text(json.dumps(body))
    done = curl(
        "-f", "-v", sample.url, "-H", "Content-Type: application/json", "-H", "Accept: application/json, text/event-stream", "-H", "Expect: 100-continue",
        "-H", "MCP-Protocol-Version: 2026-07-28", "-H", "Mcp-Method: tools/list", "--data-binary", f"@{tmp_path / 'body'}")
    assert done.returncode == 0, done.stderr
    assert "100 Continue" in done.stderr
    assert json.loads(done.stdout)["result"]["tools"]


def test_health_and_ready_answer_without_more(sample: Supervisor) -> None:
    for path in ("/health", "/ready"):
        done = curl("-f", sample.base + path)
        assert done.returncode == 0 and json.loads(done.stdout)["status"]
    assert curl("-f", "-I", sample.base + "/health").returncode == 0
    assert curl("-f", "--http1.0", sample.base + "/health").returncode == 0
