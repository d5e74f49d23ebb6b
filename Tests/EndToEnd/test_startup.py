"""What the start says: to people who did something wrong, and about where clients may go."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.mcp import ModernClient
from harness.processes import eventually, free_port
from harness.supervisor import SUPERVISOR, WORKER, Supervisor, environment, python_server, run_command

TOKEN = "secret-of-the-start-tests"


def directories(tmp_path: Path) -> list[str]:
    return ["--state-dir", str(tmp_path / "state"), "--runtime-dir", str(tmp_path / "run")]


class TestPrograms:
    def test_a_command_that_does_not_exist_is_told_at_once(self, tmp_path: Path) -> None:
        done = run_command("run", "--port", str(free_port()), *directories(tmp_path), "--", "nosuchprogram", within=5)
        assert done.returncode == 78 and not done.stdout
        assert "nosuchprogram" in done.stderr and f"PATH={os.environ['PATH']}" in done.stderr

    def test_a_configured_command_that_does_not_exist_is_a_warning_and_the_others_run(self, tmp_path: Path) -> None:
        plain = python_server("plain.py")
        config = {"mcpServers": {"good": {"command": plain[0], "args": plain[1:]}, "bad": {"command": "nosuchprogram"}}, "defaultServer": "good"}
        with Supervisor(config=config) as supervisor:
            assert "warning: mcpServers.bad.command: there is no program nosuchprogram in PATH=" in supervisor.errors()
            with ModernClient(supervisor.port) as client:
                assert client.request("tools/list").result["tools"]
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        done = run_command("check-config", str(path))
        assert done.returncode == 0 and "mcpServers.bad.command" in done.stdout

    def test_a_configured_command_that_is_no_program_is_a_finding_of_both_commands(self, tmp_path: Path) -> None:
        plain, text = python_server("plain.py"), tmp_path / "server.txt"
        text.write_text("not executable")
        servers = {"good": {"command": plain[0], "args": plain[1:]}, "file": {"command": str(text)}, "folder": {"command": str(tmp_path)},
                   "missing": {"command": f"{tmp_path}/none"}}
        config = {"mcpServers": servers, "defaultServer": "good"}
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        findings = [
            f"warning: mcpServers.file.command: {text} cannot be started: Permission denied (EACCES)",
            f"warning: mcpServers.folder.command: {tmp_path} cannot be started: ",
            f"warning: mcpServers.missing.command: {tmp_path}/none cannot be started: No such file or directory (ENOENT)"]
        done = run_command("check-config", str(path))
        assert done.returncode == 0 and all(finding in done.stdout for finding in findings), done.stdout
        with Supervisor(config=config) as supervisor:
            assert all(finding in supervisor.errors() for finding in findings), supervisor.errors()
            with ModernClient(supervisor.port) as client:
                assert client.request("tools/list").result["tools"]
        done = run_command("run", "--port", str(free_port()), *directories(tmp_path), "--", str(text), within=5)
        assert done.returncode == 78 and f"{text} cannot be started" in done.stderr

    def test_without_the_worker_beside_it_the_supervisor_says_where_it_looked(self, tmp_path: Path) -> None:
        alone = tmp_path / "mcp-supervisor"
        shutil.copy2(SUPERVISOR, alone)
        done = run_command("run", "--port", str(free_port()), *directories(tmp_path), binary=alone, within=5)
        assert done.returncode == 69
        assert f"{tmp_path}/mcp-worker" in done.stderr and "ENOENT" in done.stderr and "--state-dir" not in done.stderr


class TestDirectories:
    def test_what_is_wrong_with_a_state_directory_is_told(self, tmp_path: Path) -> None:
        blocked = tmp_path / "file"
        blocked.write_text("")
        done = run_command("run", "--port", str(free_port()), "--state-dir", str(blocked), "--runtime-dir", str(tmp_path / "run"), within=10)
        assert done.returncode == 69 and f"{blocked}: Not a directory (ENOTDIR)" in done.stderr

    @pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, to become somebody else")
    def test_a_directory_of_somebody_else_is_told_as_that(self) -> None:
        # Not below tmp_path, whose parents are closed to others.
        with tempfile.TemporaryDirectory(prefix="mcp-e2e-") as place:
            Path(place).chmod(0o755)
            closed = Path(place) / "closed"
            closed.mkdir(mode=0o700)
            (closed / "sample.db").write_text("not yours")
            for binary in (SUPERVISOR, WORKER):
                shutil.copy2(binary, place)
            done = subprocess.run(
                ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", f"{place}/mcp-supervisor", "run", "--port", str(free_port()),
                 "--state-dir", str(closed)], env=environment(), capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
            assert done.returncode == 77 and f"{closed}: Permission denied (EACCES)" in done.stderr, done.stderr

    def test_a_named_runtime_directory_is_for_one_supervisor(self, tmp_path: Path) -> None:
        with Supervisor("--runtime-dir", str(tmp_path / "run"), command=python_server("plain.py")) as first:
            assert (tmp_path / "run/pid").read_text() == f"{first.pid}\n"
            done = run_command("run", "--port", str(free_port()), *directories(tmp_path), "--", *python_server("plain.py"))
            assert done.returncode == 69 and f"process {first.pid}" in done.stderr
        with Supervisor("--runtime-dir", str(tmp_path / "run"), command=python_server("plain.py")):
            pass


class TestKeys:
    def test_keys_that_nobody_is_asked_for_are_a_warning_that_says_how(self) -> None:
        with Supervisor(env={"AUTH_TOKENS": TOKEN}, command=python_server("plain.py")) as supervisor:
            text = supervisor.errors()
            assert "warning: AUTH_TOKENS: keys are not asked for on 127.0.0.1" in text and '"auth": {"required": true}' in text
            assert TOKEN not in supervisor.log()

    def test_keys_that_are_asked_for_are_no_surprise_and_stand_in_the_line_to_try(self) -> None:
        with Supervisor(config={"auth": {"required": True}}, env={"AUTH_TOKENS": TOKEN}, command=python_server("plain.py")) as supervisor:
            assert "AUTH_TOKENS" not in supervisor.errors()
            eventually("it is announced", lambda: "-H 'Authorization: Bearer YOUR_KEY'" in supervisor.output())

    def test_a_key_file_without_keys_is_refused_where_keys_are_required(self, tmp_path: Path) -> None:
        keys = tmp_path / "keys.json"
        keys.write_text('{"keys": []}')
        keys.chmod(0o600)
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"auth": {"required": True, "keys": f"file:{keys}"}}))
        done = run_command("run", "--config", str(config), "--port", str(free_port()), *directories(tmp_path))
        assert done.returncode == 78 and "key create" in done.stderr


class TestAddresses:
    def test_running_as_root_is_said_and_nothing_else_changes(self) -> None:
        with Supervisor(command=python_server("plain.py")) as supervisor, ModernClient(supervisor.port) as client:
            assert ("running as root, and so do all workers" in supervisor.errors()) == (os.geteuid() == 0)
            assert client.request("tools/list").status == 200

    def test_the_addresses_are_logged_before_any_worker_is_ready(self) -> None:
        mute = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        with Supervisor("--log-format", "json", command=mute, ready=None) as supervisor:
            eventually("the address is logged", lambda: '"listening"' in supervisor.errors())
            (line,) = [json.loads(line) for line in supervisor.errors().splitlines() if '"listening"' in line]
            assert f"127.0.0.1:{supervisor.port}" in line["addresses"] and line["level"] == "info"
            assert "is ready" not in supervisor.output()

    def test_the_line_to_try_for_a_unix_socket_works(self, tmp_path: Path) -> None:
        path = tmp_path / "mcp.sock"
        with Supervisor("--listen", f"unix:{path}", command=python_server("plain.py"), ready=None) as supervisor:
            eventually("it is announced", lambda: "--unix-socket" in supervisor.output())
            self.run_printed_line(supervisor)

    def test_the_line_to_try_for_every_address_works(self) -> None:
        port = free_port()
        config = {"hosts": ["auto", "mcp.example.com"]}
        with Supervisor("--listen", f"0.0.0.0:{port}", config=config, env={"AUTH_TOKENS": TOKEN}, port=port, command=python_server("plain.py"), ready=None) as supervisor:
            eventually("it is announced", lambda: "Try it" in supervisor.output())
            self.run_printed_line(supervisor)

    @staticmethod
    def run_printed_line(supervisor: Supervisor) -> None:
        if not shutil.which("curl"):
            pytest.skip("no curl")
        line = supervisor.output().split("Try it:\n", 1)[1].replace("YOUR_KEY", TOKEN)
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=10)
        assert '"tools"' in done.stdout, done

    def test_without_a_name_for_every_address_the_key_to_set_is_named(self) -> None:
        port = free_port()
        with Supervisor("--listen", f"0.0.0.0:{port}", env={"AUTH_TOKENS": TOKEN}, port=port, command=python_server("plain.py"), ready=None) as supervisor:
            eventually("it is announced", lambda: "is ready" in supervisor.output())
            assert '"hosts": ["auto", "mcp.example.com"]' in supervisor.output() and "curl" not in supervisor.output()


# Puts sockets at 3, 4 … as a service manager does, and becomes the supervisor.
ACTIVATE = """
import os, socket, sys
names, program, *arguments = sys.argv[1:]
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in names.split(":")]
ports = [s.getsockname()[1] for s in sockets]
high = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(sockets)]
for i, number in enumerate(high):
    os.dup2(number, 3 + i, inheritable=True)
    os.close(number)
print(*ports, flush=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(ports)), LISTEN_FDNAMES=names)
os.execv(program, [program, *arguments])
"""


class TestSocketActivation:
    @staticmethod
    def start(tmp_path: Path, names: str, *listen: str) -> subprocess.Popen[str]:
        options = [word for address in listen for word in ("--listen", address)]
        return subprocess.Popen(
            [sys.executable, "-c", ACTIVATE, names, str(SUPERVISOR), "run", *options, *directories(tmp_path), "--", *python_server("plain.py")],
            env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_two_addresses_and_two_sockets_of_one_name_all_serve(self, tmp_path: Path) -> None:
        process = self.start(tmp_path, "web:api:web:extra", "fd:api", "fd:web")
        try:
            assert process.stdout is not None
            ports = [int(word) for word in process.stdout.readline().split()]
            while "is ready" not in process.stdout.readline():
                assert process.poll() is None
            for port in ports[:3]:
                with ModernClient(port) as client:
                    assert client.request("tools/list").result["tools"]
            with pytest.raises(ConnectionError):
                socket.create_connection(("127.0.0.1", ports[3]), timeout=5).close()
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=20)
        assert process.returncode == 0 and "extra" in errors

    def test_a_name_that_was_not_passed_is_told_with_those_that_were(self, tmp_path: Path) -> None:
        process = self.start(tmp_path, "web:api", "fd:web", "fd:nosuch")
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 69 and "nosuch" in errors and "web, api" in errors


class TestWorkers:
    def test_stderr_of_a_worker_carries_its_server_and_its_last_words(self) -> None:
        script = "import sys; sys.stderr.write('first line\\nlast words without an end'); sys.stderr.flush(); sys.exit(1)"
        config = {"mcpServers": {"chatty": {"command": sys.executable, "args": ["-c", script]}}}
        with Supervisor("--log-format", "json", config=config, ready=None) as supervisor:
            eventually("the last words are logged", lambda: "last words without an end" in supervisor.errors())
            lines = [json.loads(line) for line in supervisor.errors().splitlines() if "wrote to stderr" in line]
            assert {line["server"] for line in lines} == {"chatty"}
            assert lines[0]["line"] == "first line"

    def test_a_server_that_closes_its_stdin_is_replaced(self) -> None:
        script = ("import os, sys, time\n"
                  "line = sys.stdin.readline()\n"
                  "print('{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"serverInfo\":"
                  "{\"name\":\"x\",\"version\":\"1\"}}}', flush=True)\n"
                  "sys.stdin.readline()\nos.close(0)\ntime.sleep(1000)\n")
        config = {"mcpServers": {"deaf": {"command": sys.executable, "args": ["-c", script]}}, "drain": {"workerGrace": "200ms"}}
        with Supervisor("--log-format", "json", config=config, ready=None) as supervisor:
            eventually("it was ended", lambda: "a worker ended" in supervisor.errors())
            eventually("and another took its place", lambda: supervisor.errors().count("a worker is ready") >= 2)

    def test_a_parent_that_ignores_sigchld_does_no_harm(self, tmp_path: Path) -> None:
        # Kept over exec: with it the kernel reaps our children, and nobody would learn that a worker has died.
        with Supervisor(command=python_server("plain.py")) as probe:
            port = probe.port
        code = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(SUPERVISOR), "run", "--port", str(port), *directories(tmp_path)],
            env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout is not None
            while "is ready" not in process.stdout.readline():
                assert process.poll() is None, "the sample is made by a child, too"
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
        assert process.returncode == 0
