"""Commands, options, configuration and exit codes."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from harness import wire
from harness.mcp import ModernClient
from harness.processes import free_port
from harness.supervisor import WORKER, Supervisor, python_server, run_command
from harness.wire import request_bytes

WHOLE = """
{
  // Every key of the documented file, with comments and trailing commas.
  "listen": ["127.0.0.1:8000"],
  "mcpServers": {
    "data": { "builtin": "sql", "databases": { "sample": "sqlite:///tmp/sample.db" } },
    "git":  { "command": "python3", "args": ["-c", "pass"], "env": { "LANG": "C.UTF-8" }, "cwd": "/",
              "isolation": "moderate", "stateless": false,
              "limits": { "memory": "512M", "cpu": "50%", "pids": 64, "files": 256, "writable": ["/tmp"], "network": false },
              "workers": { "max": 8, "warm": 1, "concurrency": 16, "idleTimeout": "10m", "startTimeout": "30s", "callTimeout": "5m" } },
  },
  "defaultServer": "data",
  /* what comes later is accepted and named in a warning */
  "groups": { "analytics": { "weight": 3, "priority": 5,
                             "allow": { "servers": ["data"], "tools": ["list_*", "query_view"], "databases": ["shop"], "schemas": ["public"] },
                             "limits": { "requestsPerMinute": 600, "burst": 50, "concurrent": 20, "queue": 200, "sessions": 50 } } },
  "scheduling": { "strategy": "weighted_fair" },
  "limits": { "requestsPerMinute": 6000, "burst": 500, "connections": 20000, "sessions": 10000, "body": "4M", "message": "64M",
              "headerTimeout": "10s", "bodyTimeout": "30s", "idleTimeout": "75s", "sessionIdle": "30m" },
  "cors": { "origins": [], "credentials": false }, "hosts": ["auto"], "trustedProxies": [],
  "log": { "level": "info", "format": "json", "directory": "/tmp", "rotate": { "size": "50M", "age": "1d", "keep": 14 } },
  "drain": { "deadline": "20s" }, "restart": { "window": "30s", "deaths": 5, "delayMax": "30s", "stable": "60s" },
}
"""


def check(tmp_path: Path, config: Any) -> tuple[int, str]:
    path = tmp_path / "config.json"
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    done = run_command("check-config", str(path))
    return done.returncode, done.stdout + done.stderr


class TestCheckConfig:
    def test_an_empty_configuration_is_fine(self, tmp_path: Path) -> None:
        assert check(tmp_path, {})[0] == 0

    def test_the_whole_documented_file_parses(self, tmp_path: Path) -> None:
        code, text = check(tmp_path, WHOLE)
        assert code == 0, text
        assert "groups" in text and "warning" in text.lower(), "what comes later is named"

    def test_all_findings_come_at_once_with_their_paths(self, tmp_path: Path) -> None:
        code, text = check(tmp_path, {
            "listn": [], "limits": {"body": "4Q", "headerTimeout": "soon", "conections": 1}, "drain": {"deadline": 7},
            "mcpServers": {"a": {"command": 5}, "b": {}, "c": {"builtin": "nosuch"}}, "defaultServer": "zzz"})
        assert code == 78
        for path in ("listn", "limits.body", "limits.headerTimeout", "limits.conections", "drain.deadline", "mcpServers.a.command", "mcpServers.b",
                     "mcpServers.c.builtin", "defaultServer"):
            assert path in text, f"{path} is not named in:\n{text}"

    @pytest.mark.parametrize("text, place", [
        ("", "line 1, column 1"), ("{", "line 1, column 2"), ("nonsense", "line 1, column 1"), ('{"a":1', "line 1, column 7"),
        ('{"listen":["127.0.0.1:8000"]}x', "line 1, column 30"), ('{"drain":{},"drain":{}}', "line 1, column 14"), ("\ufeff{}", "line 1, column 1"),
        ('{\n  "listen": [\n    12..5\n  ]\n}', "line 3, column 8")])
    def test_what_is_not_json_is_refused_with_its_place(self, tmp_path: Path, text: str, place: str) -> None:
        code, message = check(tmp_path, text)
        assert code == 78 and f"error: configuration: {place}: " in message

    def test_what_is_no_object_is_refused(self, tmp_path: Path) -> None:
        code, message = check(tmp_path, "[]")
        assert code == 78 and "error: configuration: must be an object" in message

    @pytest.mark.parametrize("listen", ["127.0.0.1", "127.0.0.1:99999", "127.0.0.1:x", "::1:80", "example.com:80", "", "unix:", 5])
    def test_a_bad_address_is_refused(self, tmp_path: Path, listen: Any) -> None:
        code, text = check(tmp_path, {"listen": [listen]})
        assert code == 78 and "error: listen" in text

    def test_a_missing_file_is_a_configuration_error(self, tmp_path: Path) -> None:
        done = run_command("check-config", str(tmp_path / "none.json"))
        assert done.returncode == 78 and "none.json" in done.stderr + done.stdout

    def test_run_refuses_what_check_config_refuses(self, tmp_path: Path) -> None:
        path = tmp_path / "config.json"
        path.write_text('{"listn": []}')
        done = run_command("run", "--config", str(path), "--port", str(free_port()), "--state-dir", str(tmp_path), "--runtime-dir", str(tmp_path))
        assert done.returncode == 78 and "listn" in done.stderr + done.stdout


class TestUsage:
    @pytest.mark.parametrize("arguments", [
        ["nonsense"], ["run", "--nonsense"], ["run", "--port"], ["run", "--port", "x"], ["run", "--port", "70000"], ["run", "stray"],
        ["run", "--log-level", "loud"], ["run", "--listen", "nowhere"], ["run", "--transport", "pigeon"]])
    def test_a_wrong_command_line_is_64(self, arguments: list[str]) -> None:
        done = run_command(*arguments)
        assert done.returncode == 64 and done.stderr.strip() and not done.stdout

    def test_version_and_help(self) -> None:
        version = run_command("--version")
        assert version.returncode == 0 and any(character.isdigit() for character in version.stdout)
        for arguments in (["--help"], ["help"], ["help", "run"], ["run", "--help"]):
            done = run_command(*arguments)
            assert done.returncode == 0 and "run" in done.stdout and not done.stderr, arguments
        assert run_command("--version", binary=WORKER).returncode == 0

    def test_the_help_names_every_option(self) -> None:
        text = run_command("help", "run").stdout
        for option in ("--config", "--profile", "--host", "--port", "--listen", "--transport", "--isolation", "--log-level", "--log-format", "--runtime-dir", "--state-dir"):
            assert option in text, option


class TestStart:
    def test_a_port_in_use_is_69(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = run_command("run", "--port", str(port), "--state-dir", str(tmp_path), "--runtime-dir", str(tmp_path))
            assert done.returncode == 69 and str(port) in done.stderr + done.stdout

    def test_a_second_instance_on_the_same_port_is_69_and_leaves_the_first_alone(self, tmp_path: Path) -> None:
        with Supervisor(command=python_server("plain.py")) as first:
            done = run_command("run", "--port", str(first.port), "--state-dir", str(tmp_path), "--runtime-dir", str(tmp_path), "--", *python_server("plain.py"))
            assert done.returncode == 69
            assert first.health()["workers"]["ready"] == 1

    def test_it_prints_where_it_listens_and_a_line_to_try(self, sample: Supervisor) -> None:
        text = sample.log()
        assert f"http://127.0.0.1:{sample.port}/mcp" in text and "curl" in text

    def test_the_environment_sets_what_no_flag_sets(self) -> None:
        port = free_port()
        for format in ("json", "text"):
            with Supervisor(env={"MCP_SUPERVISOR_PORT": "1", "MCP_SUPERVISOR_LOG_FORMAT": format}, port=port, command=python_server("plain.py")) as supervisor:
                assert supervisor.health()["status"] == "healthy", "the flag wins over the environment"
                lines = supervisor.errors().splitlines()
                assert lines and all(line.startswith("{") == (format == "json") for line in lines), lines

    def test_a_unix_socket(self, tmp_path: Path) -> None:
        path = tmp_path / "mcp.sock"
        with Supervisor("--listen", f"unix:{path}", "--listen", f"127.0.0.1:{(port := free_port())}", port=port, command=python_server("plain.py")):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(10)
                client.connect(str(path))
                client.sendall(request_bytes("GET", "/health", {"Connection": "close"}))
                data = b""
                while piece := client.recv(4096):
                    data += piece
            assert data.startswith(b"HTTP/1.1 200 ")
        assert not path.exists(), "the socket file is removed"

    def test_health_has_the_documented_members(self, sample: Supervisor) -> None:
        health = sample.health()
        assert health["status"] == "healthy" and health["version"] and health["uptimeSeconds"] >= 0
        assert set(health["workers"]) >= {"ready", "total"} and health["sessions"] >= 0 and health["connections"] >= 1
        assert set(health) == {"status", "version", "uptimeSeconds", "workers", "sessions", "connections"}, "no detail beyond these"

    def test_the_sample_is_made_once_and_kept(self, tmp_path: Path) -> None:
        state = tmp_path / "state"
        with Supervisor("--state-dir", str(state)):
            files = sorted(path for path in state.rglob("*.db"))
            assert files
            first = files[0].read_bytes()
        with Supervisor("--state-dir", str(state)):
            assert files[0].read_bytes() == first
        with Supervisor("--state-dir", str(tmp_path / "other")):
            (other,) = [path for path in (tmp_path / "other").rglob(files[0].name)]
            assert other.read_bytes() == first, "the sample is the same everywhere"

    def test_two_servers_each_at_its_own_path(self) -> None:
        plain, sdk = python_server("plain.py"), python_server("sdk2_server.py")
        config = {"mcpServers": {"one": {"command": plain[0], "args": plain[1:]}, "two": {"command": sdk[0], "args": sdk[1:]}, "data": {"builtin": "sql", "databases": {"sample": "sample:"}}},
                  "defaultServer": "one"}
        with Supervisor(config=config) as supervisor:
            names = {}
            for path in ("/mcp", "/servers/one/mcp", "/servers/two/mcp", "/servers/data/mcp"):
                with ModernClient(supervisor.port, path=path) as client:
                    names[path] = {tool["name"] for tool in client.request("tools/list").result["tools"]}
            assert names["/mcp"] == names["/servers/one/mcp"] and "torn" in names["/mcp"]
            assert "add" in names["/servers/two/mcp"] and "query_view" in names["/servers/data/mcp"]
