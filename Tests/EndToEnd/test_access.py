"""Who may talk to it: Host, Origin, CORS, API keys, and what it refuses to be started with."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import wire
from harness.mcp import BOTH, ModernClient
from harness.processes import eventually
from harness.supervisor import Supervisor, python_server, run_command

PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, mcp-protocol-version, mcp-method, mcp-param-region"}


TOKENS = ("first-token-of-the-environment-0001", "second-token-of-the-environment-0002")


@pytest.fixture(scope="module")
def open_to_one() -> Iterator[Supervisor]:
    """CORS is on for one origin."""
    config = {"cors": {"origins": ["https://app.example"], "credentials": False}}
    with Supervisor(config=config, command=python_server("plain.py")) as supervisor:
        yield supervisor


@pytest.fixture(scope="module")
def guarded() -> Iterator[Supervisor]:
    with Supervisor(config={"auth": {"required": True, "penalty": "1ms"}}, env={"AUTH_TOKENS": ",".join(TOKENS)}, command=python_server("plain.py")) as supervisor:
        yield supervisor


class TestHostAndOrigin:
    @pytest.mark.parametrize("host", ["localhost", "localhost:{port}", "127.0.0.1", "127.0.0.1:{port}", "[::1]:{port}", "[::1]", "LOCALHOST:{port}"])
    def test_the_loopback_names_are_allowed(self, plain: Supervisor, host: str) -> None:
        assert wire.exchange(plain.port, "GET", "/ready", host=host.format(port=plain.port)).status == 200

    @pytest.mark.parametrize("host", [
        "evil.example", "evil.example:{port}", "localhost.evil.example", "localhost:1", "127.0.0.1.evil.example", "127.0.0.2", "0.0.0.0", "[::2]",
        "2130706433", "127.1"])
    def test_any_other_host_is_refused(self, plain: Supervisor, host: str) -> None:
        for method, path in (("GET", "/health"), ("POST", "/mcp"), ("GET", "/mcp"), ("DELETE", "/mcp")):
            response = wire.exchange(plain.port, method, path, {"Accept": BOTH}, host=host.format(port=plain.port))
            assert response.status == 403, (method, path)

    @pytest.mark.parametrize("origin", ["http://localhost:{port}", "http://127.0.0.1:{port}", "http://[::1]:{port}"])
    def test_our_own_origin_is_allowed(self, plain: Supervisor, origin: str) -> None:
        with ModernClient(plain.port, headers={"Origin": origin.format(port=plain.port)}) as client:
            assert client.request("tools/list").status == 200

    @pytest.mark.parametrize("origin", [
        "http://evil.example", "null", "http://localhost.evil.example:{port}", "https://localhost:1", "http://evil.example:{port}", "file://", "", "http://a http://b"])
    def test_a_foreign_origin_is_403_and_nothing_is_done(self, plain: Supervisor, origin: str) -> None:
        with ModernClient(plain.port, headers={"Origin": origin.format(port=plain.port)}) as client:
            exchange = client.request("tools/list")
            assert exchange.status == 403
            assert all("id" not in message for message in exchange.messages)
            assert exchange.http.header("access-control-allow-origin") is None


class TestCORS:
    def test_off_by_default(self, plain: Supervisor) -> None:
        response = wire.exchange(plain.port, "OPTIONS", "/mcp", {"Origin": "https://app.example", **PREFLIGHT})
        assert response.status == 403
        assert not [name for name, _ in response.headers if name.lower().startswith("access-control-")]

    def test_a_preflight_of_a_listed_origin(self, open_to_one: Supervisor) -> None:
        response = wire.exchange(open_to_one.port, "OPTIONS", "/mcp", {"Origin": "https://app.example", **PREFLIGHT})
        assert response.status == 204
        assert response.header("access-control-allow-origin") == "https://app.example"
        assert "POST" in response.header("access-control-allow-methods")
        allowed = {word.strip().lower() for word in response.header("access-control-allow-headers").split(",")}
        assert {"authorization", "content-type", "mcp-protocol-version", "mcp-session-id", "mcp-method", "mcp-name", "mcp-param-region"} <= allowed
        assert response.header("access-control-allow-credentials") is None
        assert "origin" in (response.header("vary") or "").lower()

    def test_the_answer_is_readable_for_a_listed_origin(self, open_to_one: Supervisor) -> None:
        with ModernClient(open_to_one.port, headers={"Origin": "https://app.example"}) as client:
            exchange = client.request("tools/list")
            assert exchange.status == 200
            assert exchange.http.header("access-control-allow-origin") == "https://app.example"
            exposed = {word.strip().lower() for word in exchange.http.header("access-control-expose-headers").split(",")}
            assert {"mcp-session-id", "mcp-protocol-version", "www-authenticate"} <= exposed
            assert "origin" in exchange.http.header("vary").lower()

    @pytest.mark.parametrize("origin", ["https://app.example.evil", "http://app.example", "https://app.example:8443", "null", "https://other.example"])
    def test_another_origin_gets_nothing(self, open_to_one: Supervisor, origin: str) -> None:
        response = wire.exchange(open_to_one.port, "OPTIONS", "/mcp", {"Origin": origin, **PREFLIGHT})
        assert response.status == 403 and response.header("access-control-allow-origin") is None
        with ModernClient(open_to_one.port, headers={"Origin": origin}) as client:
            assert client.request("tools/list").status == 403

    def test_a_client_without_origin_is_served(self, open_to_one: Supervisor) -> None:
        with ModernClient(open_to_one.port) as client:
            assert client.request("tools/list").status == 200


class TestKeys:
    def test_health_and_ready_need_no_key(self, guarded: Supervisor) -> None:
        assert wire.exchange(guarded.port, "GET", "/health").status == 200
        assert wire.exchange(guarded.port, "GET", "/ready").status == 200

    @pytest.mark.parametrize("token", TOKENS)
    def test_a_token_of_the_environment_opens(self, guarded: Supervisor, token: str) -> None:
        with ModernClient(guarded.port, headers={"Authorization": f"Bearer {token}"}) as client:
            assert client.request("tools/list").status == 200
        with ModernClient(guarded.port, headers={"Authorization": f"bearer {token}"}) as client:
            assert client.request("tools/list").status == 200, "the scheme is case-insensitive"

    @pytest.mark.parametrize("value", [
        None, "", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {TOKENS[0]}x", f"Bearer {TOKENS[0][:-1]}", f"Basic {TOKENS[0]}", TOKENS[0],
        f"Bearer {TOKENS[0]} {TOKENS[1]}", f"Bearer  {TOKENS[0].upper()}", "Bearer " + "x" * 7000])
    def test_anything_else_is_401_with_one_and_the_same_answer(self, guarded: Supervisor, value: str | None) -> None:
        headers = {} if value is None else {"Authorization": value}
        for method, path in (("POST", "/mcp"), ("GET", "/mcp"), ("DELETE", "/mcp")):
            response = wire.exchange(guarded.port, method, path, {"Accept": BOTH, "Content-Type": "application/json", **headers}, b"{}" if method == "POST" else None)
            assert response.status == 401, (method, response)
            expected = wire.exchange(guarded.port, method, path, {"Accept": BOTH, "Content-Type": "application/json"}, b"{}" if method == "POST" else None)
            # RFC 6750 3.1: who sent nothing is told no reason. All others are told the same one, whatever was wrong.
            challenge = 'Bearer realm="mcp-supervisor"' + ("" if value is None else ', error="invalid_token"')
            assert (response.body, response.header("www-authenticate")) == (expected.body, challenge)
            assert TOKENS[0].encode() not in response.body and b"wrong" not in response.body

    def test_a_token_in_the_url_does_not_open(self, guarded: Supervisor) -> None:
        response = wire.exchange(guarded.port, "POST", f"/mcp?token={TOKENS[0]}", {"Accept": BOTH, "Content-Type": "application/json"}, b"{}")
        assert response.status == 400

    def test_a_session_belongs_to_its_key(self, guarded: Supervisor) -> None:
        from harness.mcp import LegacySession

        with LegacySession(guarded.port, headers={"Authorization": f"Bearer {TOKENS[0]}"}) as session:
            assert session.request("ping").status == 200
            session.extra["Authorization"] = f"Bearer {TOKENS[1]}"
            assert session.request("ping").status == 404, "another key's session is unknown"
            session.extra["Authorization"] = f"Bearer {TOKENS[0]}"
            assert session.request("ping").status == 200

    def test_tokens_are_neither_logged_nor_passed_on(self, guarded: Supervisor) -> None:
        with ModernClient(guarded.port, headers={"Authorization": f"Bearer {TOKENS[0]}"}) as client:
            environment = client.call("environment").text
            assert "AUTH_TOKENS" not in json.loads(environment) and TOKENS[0] not in environment
            assert TOKENS[0] not in client.call("echo", {"a": 1}).text
        assert TOKENS[0] not in guarded.log()

    def test_a_key_is_created_used_and_revoked(self, tmp_path: Path) -> None:
        keys = tmp_path / "keys.json"
        created = run_command("key", "create", "--group", "analytics", "--keys", str(keys))
        assert created.returncode == 0, created.stderr
        token = next(word for word in created.stdout.split() if word.startswith("msk_"))
        assert token.rsplit("_", 1)[1] not in keys.read_text() and keys.stat().st_mode & 0o077 == 0
        listed = run_command("key", "list", "--keys", str(keys))
        assert listed.returncode == 0 and "analytics" in listed.stdout and token not in listed.stdout
        config = {"auth": {"required": True, "keys": f"file:{keys}", "penalty": "1ms"}}
        with Supervisor(config=config, command=python_server("plain.py")) as supervisor:
            with ModernClient(supervisor.port, headers={"Authorization": f"Bearer {token}"}) as client:
                assert client.request("tools/list").status == 200
            assert token not in supervisor.log()
        revoked = run_command("key", "revoke", token.split("_")[1], "--keys", str(keys))
        assert revoked.returncode == 0, revoked.stderr
        created = run_command("key", "create", "--group", "analytics", "--keys", str(keys))
        with Supervisor(config=config, command=python_server("plain.py")) as supervisor:
            with ModernClient(supervisor.port, headers={"Authorization": f"Bearer {token}"}) as client:
                assert client.request("tools/list").status == 401

    def test_guessing_is_slowed_down(self) -> None:
        config = {"auth": {"required": True, "penalty": "1s", "penaltyEnforced": "3s", "penaltyMax": "5s"}}
        with Supervisor(config=config, env={"AUTH_TOKENS": TOKENS[0]}, command=python_server("plain.py")) as supervisor:
            statuses = [
                wire.exchange(supervisor.port, "POST", "/mcp", {"Authorization": f"Bearer guess-{number}", "Accept": BOTH, "Content-Type": "application/json"}, b"{}")
                for number in range(8)]
            assert [answer.status for answer in statuses[:3]] == [401] * 3 and statuses[-1].status == 429
            assert 1 <= int(statuses[-1].header("retry-after")) <= 5
            assert wire.exchange(supervisor.port, "GET", "/health").status == 200

    def test_silent_connections_do_not_keep_out_those_with_a_key(self) -> None:
        config = {
            "auth": {"required": True, "penalty": "1ms"},
            "limits": {"unauthenticated": 4, "unauthenticatedMax": 8, "unauthenticatedDrop": "50%", "headerTimeout": "1s"}}
        headers = {"Authorization": f"Bearer {TOKENS[0]}"}
        with Supervisor(config=config, env={"AUTH_TOKENS": TOKENS[0]}, command=python_server("plain.py")) as supervisor:
            with ModernClient(supervisor.port, headers=headers) as honest:
                assert honest.request("tools/list").status == 200
                crowd = [wire.Connection(supervisor.port) for _ in range(60)]
                eventually("most of the crowd are closed", lambda: "see limits.unauthenticated" in supervisor.errors())
                assert supervisor.errors().count("see limits.unauthenticated") <= 6, "told at the 1st, 2nd, 4th, 8th ... time"
                assert honest.request("tools/list").status == 200, "who has shown a key stays"
                for connection in crowd:
                    connection.assert_closed()  # Dropped at once, or silent for too long.
                    connection.close()
            with ModernClient(supervisor.port, headers=headers) as later:
                assert later.request("tools/list").status == 200

    def test_a_burst_of_clients_with_keys_is_served(self) -> None:
        request = wire.request_bytes("GET", "/mcp", {"Authorization": f"Bearer {TOKENS[0]}", "Accept": "text/html"})
        with Supervisor(config={"auth": {"required": True}}, env={"AUTH_TOKENS": TOKENS[0]}, command=python_server("plain.py")) as supervisor:
            burst = [wire.Connection(supervisor.port) for _ in range(8)]
            for connection in burst:
                connection.send(request)
            for connection in burst:
                assert connection.read_response().status == 406
            rest = []
            for _ in range(100):
                connection = wire.Connection(supervisor.port)
                connection.send(request)
                rest.append(connection)
                assert connection.read_response().status == 406, "each that has shown its key makes room for the next"
            for connection in burst + rest:
                connection.close()

    def test_where_no_key_is_asked_for_nobody_is_dropped(self, plain: Supervisor) -> None:
        crowd = [wire.Connection(plain.port) for _ in range(300)]
        eventually("all are taken", lambda: plain.health()["connections"] >= 300)
        for connection in crowd:
            connection.close()

    def test_a_key_file_opens_and_stores_no_secret(self, tmp_path: Path) -> None:
        secret = "0123456789abcdefghijABCDEFGHIJ-_"
        keys = tmp_path / "keys.json"
        keys.write_text(json.dumps({"keys": [{"id": "k1", "group": "default", "created": "2026-01-01T00:00:00Z", "sha256": hashlib.sha256(secret.encode()).hexdigest()}]}))
        os.chmod(keys, 0o600)
        config = {"auth": {"required": True, "keys": f"file:{keys}", "penalty": "1ms"}}
        with Supervisor(config=config, command=python_server("plain.py")) as supervisor:
            with ModernClient(supervisor.port, headers={"Authorization": f"Bearer msk_k1_{secret}"}) as client:
                assert client.request("tools/list").status == 200
            for wrong in (f"msk_k2_{secret}", f"msk_k1_{secret[:-1]}", secret, f"msk__{secret}"):
                with ModernClient(supervisor.port, headers={"Authorization": f"Bearer {wrong}"}) as client:
                    assert client.request("tools/list").status == 401

    def test_a_key_file_that_others_can_read_is_refused(self, tmp_path: Path) -> None:
        keys = tmp_path / "keys.json"
        keys.write_text(json.dumps({"keys": []}))
        os.chmod(keys, 0o644)
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"auth": {"required": True, "keys": f"file:{keys}"}}))
        done = run_command("run", "--config", str(config), "--port", "0", "--state-dir", str(tmp_path), "--runtime-dir", str(tmp_path))
        assert done.returncode == 78 and "keys" in done.stderr + done.stdout

    def test_off_loopback_without_keys_is_refused_at_start(self, tmp_path: Path) -> None:
        done = run_command("run", "--host", "0.0.0.0", "--port", "0", "--state-dir", str(tmp_path), "--runtime-dir", str(tmp_path))
        assert done.returncode == 78, (done.returncode, done.stdout, done.stderr)
