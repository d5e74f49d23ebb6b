"""The fixture servers without a supervisor: they keep their revision's rules, they show every feature, and they misbehave as told."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import schema, traces
from harness.peers import META, MODERN, Peer, RPCError, StdioPeer
from harness.processes import eventually
from harness.supervisor import python_server
from matrix.features import FEATURES, text, value
from matrix.pairs import table, workers

# (what the client asks for, the server)
MEETINGS = [
    ("2024-11-05", "legacy 2024-11-05"), ("2025-11-25", "legacy 2024-11-05"), ("2025-11-25", "legacy 2025-11-25"), (MODERN, "modern"),
    ("2025-11-25", "dual"), (MODERN, "dual")]


@pytest.mark.parametrize("asked, server", MEETINGS, ids=[f"{asked} asks {server}" for asked, server in MEETINGS])
def test_every_feature_shows_over_plain_stdio_and_every_message_is_valid(tmp_path: Path, asked: str, server: str) -> None:
    (worker,) = [worker for worker in workers(tmp_path) if worker.name == server]
    answers = table("### What each server has")
    for feature, check in FEATURES.items():
        with StdioPeer(worker.command, asked) as client:
            client.direct = True
            try:
                check(client, worker, answers[feature, server])
            except BaseException as error:
                error.add_note(f"feature: {feature}")
                raise
    assert traces.check_all(tmp_path) > 100


@pytest.mark.parametrize("revision", ["2025-03-26", "2025-06-18"])
def test_the_revisions_between_are_served_too(tmp_path: Path, revision: str) -> None:
    with StdioPeer(python_server("legacy.py", revision, "--trace", str(tmp_path)), "2025-11-25") as client:
        assert client.revision == revision
        assert ("structuredContent" in client.call("add", {"a": 1, "b": 2})) == (revision >= "2025-06-18")
        names = {tool["name"] for tool in client.all("tools/list", "tools")}
        assert "sound" in names and ("ask_form" in names) == (revision >= "2025-06-18") and "ask_url" not in names
    assert traces.check_all(tmp_path) > 5


def raw(*arguments: str) -> StdioPeer:
    """A client that has connected and said nothing."""
    client = StdioPeer(python_server(*arguments))
    client.connect()
    import threading

    client.reader = threading.Thread(target=client.read, daemon=True)
    client.reader.start()
    return client


DISCOVER = {"_meta": {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}}


def initialize(client: Peer) -> dict:
    return client.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}})


def test_a_probe_is_met_with_an_error_with_silence_or_with_the_end() -> None:
    client = raw("legacy.py", "2025-11-25")
    with pytest.raises(RPCError, match="-32601"):
        client.request("server/discover", DISCOVER)
    assert initialize(client)["protocolVersion"] == "2025-11-25"
    client.close()
    client = raw("legacy.py", "2025-11-25", "--probe", "silence")
    probe = client.start("server/discover", DISCOVER)
    initialize(client)
    assert probe.outcome.empty()
    client.close()
    client = raw("legacy.py", "2025-11-25", "--probe", "exit")
    with pytest.raises(RPCError):
        client.request("server/discover", DISCOVER)
    assert client.process.wait(5) == 2
    client.ended = True
    client.close()


def test_a_second_initialize_is_noticed() -> None:
    client = raw("legacy.py", "2025-11-25")
    initialize(client)
    with pytest.raises(RPCError, match="-32600"):
        initialize(client)
    assert value(client.call("report"))["initializes"] == 2
    client.close()
    client = raw("legacy.py", "2025-11-25", "--one-initialize")
    initialize(client)
    with pytest.raises(RPCError):
        initialize(client)
    assert client.process.wait(5) == 3
    client.close()


def test_a_modern_server_knows_no_handshake_and_a_dual_one_keeps_to_its_first_message() -> None:
    client = raw("modern.py")
    with pytest.raises(RPCError, match="-32022"):
        initialize(client)
    client.close()
    client = raw("dual.py")
    assert MODERN in client.request("server/discover", DISCOVER)["supportedVersions"]
    initialize(client)
    with pytest.raises(RPCError, match="-32600"):
        client.request("tools/list", DISCOVER)
    client.close()


def lines_of(*arguments: str, send: str) -> list[bytes]:
    import subprocess

    done = subprocess.run(python_server(*arguments), input=send.encode(), capture_output=True, timeout=20)
    return done.stdout.splitlines()


HANDSHAKE = ('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
             '"clientInfo":{"name":"x","version":"1"}}}\n')
PING = '{"jsonrpc":"2.0","id":2,"method":"ping"}\n'


def test_garbage_doubles_strays_and_padding_come_as_told() -> None:
    assert lines_of("legacy.py", "2025-11-25", "--garbage", send=PING).count(b"debug: about to answer") == 1
    assert len(set(lines_of("legacy.py", "2025-11-25", "--duplicate-answers", send=PING))) == 1
    assert len(lines_of("legacy.py", "2025-11-25", "--duplicate-answers", send=PING)) == 2
    assert b"987654321" in lines_of("legacy.py", "2025-11-25", "--stray-answers", send=PING)[0]
    assert len(lines_of("legacy.py", "2025-11-25", "--pad", "100000", send=PING)[0]) > 100_000
    assert len(lines_of("modern.py", "--garbage", "--stderr", "100000", send=HANDSHAKE)) >= 3


def test_it_dies_on_the_call_that_was_named_and_asks_what_was_not_offered() -> None:
    client = raw("legacy.py", "2025-11-25", "--die-on-call", "2")
    initialize(client)
    assert text(client.call("echo", {"nonce": "a"})) == "a"
    with pytest.raises(RPCError):
        client.call("echo", {"nonce": "b"})
    assert client.process.wait(5) == 4
    client.close()
    client = raw("legacy.py", "2025-11-25", "--ask-anyway")
    initialize(client)
    assert value(client.call("ask_form", {"nonce": "q"}))["action"] == "accept"
    client.close()


def test_a_legacy_server_pings_its_client() -> None:
    with StdioPeer(python_server("legacy.py", "2024-11-05"), "2024-11-05") as client:
        assert value(client.call("ping_client")) == {}
        assert [question["method"] for question in client.questions] == ["ping"]


def test_calls_that_ask_at_the_same_moment_are_both_under_way() -> None:
    with StdioPeer(python_server("legacy.py", "2025-11-25")) as client:
        calls = [client.start("tools/call", {"name": "ask_together", "arguments": {"size": 2, "nonce": name}}) for name in ("a", "b")]
        assert [value(call.result())["content"]["answer"] for call in calls] == ["re: a", "re: b"]


def test_a_cancelled_call_that_goes_on_is_answered_all_the_same() -> None:
    with StdioPeer(python_server("legacy.py", "2025-11-25", "--ignore-cancel")) as client:
        running = client.start("tools/call", {"name": "wait", "arguments": {"name": "w", "seconds": 0.05}})
        running.cancel()
        assert text(running.result()) == "waited w"


@pytest.mark.needs("schema")
def test_the_schema_check_finds_what_does_not_belong() -> None:
    def refused(revision: str, message: dict, method: str | None = None) -> None:
        with pytest.raises(AssertionError):
            schema.check_message(revision, {"jsonrpc": "2.0", **message}, method)

    refused("2024-11-05", {"id": 1, "method": "elicitation/create", "params": {"message": "m", "requestedSchema": {}}})
    refused("2025-11-25", {"id": 1, "method": "server/discover"})
    refused("2025-11-25", {"method": "notifications/progress", "params": {"progress": 1}})
    refused("2025-11-25", {"id": 3, "method": "notifications/tools/list_changed"})
    refused(MODERN, {"id": 1, "result": {"resultType": "input_required"}}, "tools/call")
    refused(MODERN, {"id": 1, "result": {"resultType": "input_required", "requestState": "s"}}, "tools/list")
    refused(MODERN, {"id": 1, "result": {"resultType": "complete", "tools": []}}, "tools/list")
    refused(MODERN, {"id": 1, "method": "tools/list", "params": {}})
