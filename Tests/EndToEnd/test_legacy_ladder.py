"""Sessions of 2025-03-26, 2025-06-18 and 2025-11-25: the complete table of checks, streams, and the end of a session."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from harness import wire
from harness.mcp import BOTH, LEGACY, LegacySession, ModernClient
from harness.processes import eventually
from harness.supervisor import Supervisor, python_server
from harness.wire import Connection, request_bytes

INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


@pytest.fixture
def session(plain: Supervisor) -> Iterator[LegacySession]:
    with LegacySession(plain.port) as session:
        yield session


@pytest.fixture(params=LEGACY)
def any_session(plain: Supervisor, request: pytest.FixtureRequest) -> Iterator[LegacySession]:
    with LegacySession(plain.port, request.param) as session:
        yield session


def rpc(method: str, params: Any = None, id: Any = 1) -> dict[str, Any]:
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if id is not None:
        message["id"] = id
    if params is not None:
        message["params"] = params
    return message


class TestInitialize:
    @pytest.mark.parametrize("asked, given", [
        ("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-03-26"), ("2024-11-05", "2024-11-05"),
        ("2026-07-28", "2025-11-25"), ("2030-01-01", "2025-11-25"), ("1.0", "2025-11-25")])
    def test_the_version_is_negotiated(self, plain: Supervisor, asked: str, given: str) -> None:
        with LegacySession(plain.port, initialize=False) as session:
            exchange = session.request("initialize", {**INITIALIZE, "protocolVersion": asked})
            assert exchange.status == 200 and exchange.result["protocolVersion"] == given
            assert exchange.http.header("mcp-session-id")

    def test_session_ids_are_long_and_never_repeat(self, plain: Supervisor) -> None:
        ids = []
        for _ in range(20):
            with LegacySession(plain.port) as session:
                ids.append(session.session_id)
        assert len(set(ids)) == 20 and min(map(len, ids)) >= 22, "at least 128 bits"

    def test_a_version_header_on_initialize_does_not_matter(self, plain: Supervisor) -> None:
        with LegacySession(plain.port, initialize=False) as session:
            assert session.request("initialize", INITIALIZE, headers={"MCP-Protocol-Version": "2025-06-18"}).status == 200

    def test_tools_may_be_listed_before_the_initialized_notification(self, plain: Supervisor) -> None:
        with LegacySession(plain.port, initialize=False) as session:
            session.session_id = session.request("initialize", INITIALIZE).http.header("mcp-session-id")
            assert session.request("tools/list").result["tools"]

    @pytest.mark.parametrize("params", [None, {}, {"capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}, {**INITIALIZE, "protocolVersion": 7}])
    def test_initialize_without_its_required_fields_is_refused(self, plain: Supervisor, params: Any) -> None:
        with LegacySession(plain.port, initialize=False) as session:
            exchange = session.request("initialize", params)
            assert (exchange.status, exchange.code) == (200, -32602) and exchange.http.header("mcp-session-id") is None


class TestLadder:
    def test_1_a_foreign_origin_is_403_without_id(self, session: LegacySession) -> None:
        exchange = session.request("ping", headers={"Origin": "http://evil.example"})
        assert exchange.status == 403
        assert all("id" not in message for message in exchange.messages)

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "HEAD"])
    def test_2_another_method_is_405_and_says_which(self, plain: Supervisor, method: str) -> None:
        response = wire.exchange(plain.port, method, "/mcp", {"Accept": BOTH})
        assert response.status == 405
        allowed = {word.strip() for word in (response.header("allow") or "").split(",")}
        assert {"GET", "POST", "DELETE"} <= allowed

    @pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "text/html"])
    def test_4_a_post_needs_both_types(self, session: LegacySession, accept: str) -> None:
        exchange = session.request("ping", headers={"Accept": accept})
        assert exchange.status == 406 and all("id" not in message for message in exchange.messages)

    def test_4_a_get_needs_the_stream_type(self, session: LegacySession) -> None:
        connection, head = session.get({"Accept": "application/json"})
        connection.close()
        assert head.status == 406

    def test_5_another_content_type_is_415(self, session: LegacySession) -> None:
        assert session.request("ping", headers={"Content-Type": "text/plain"}).status == 415

    @pytest.mark.parametrize("body", [b"", b"{", b"no json", b"{}{}"])
    def test_7_what_is_not_json_is_400_parse_error(self, session: LegacySession, body: bytes) -> None:
        exchange = session.post(body, session.headers())
        assert (exchange.status, exchange.code) == (400, -32700) and "id" not in exchange.answer

    @pytest.mark.parametrize("body", [b"5", b"{}", b"[]", b'{"jsonrpc":"2.0"}', b'{"jsonrpc":"3.0","id":1,"method":"ping"}', b'{"jsonrpc":"2.0","id":null,"method":"ping"}'])
    def test_8_what_is_no_message_is_400_invalid(self, session: LegacySession, body: bytes) -> None:
        exchange = session.post(body, session.headers())
        assert (exchange.status, exchange.code) == (400, -32600)

    def test_9_initialize_in_a_batch_is_refused(self, plain: Supervisor) -> None:
        with LegacySession(plain.port, initialize=False) as session:
            for batch in ([rpc("initialize", INITIALIZE)], [rpc("initialize", INITIALIZE), rpc("ping", id=2)]):
                exchange = session.post(json.dumps(batch).encode(), {})
                assert (exchange.status, exchange.code) == (400, -32600)
                assert exchange.http.header("mcp-session-id") is None

    def test_10_a_session_is_initialized_once(self, session: LegacySession) -> None:
        exchange = session.request("initialize", INITIALIZE)
        assert (exchange.status, exchange.code) == (400, -32600)
        assert session.request("ping").status == 200

    def test_11_the_session_header_is_required(self, session: LegacySession) -> None:
        exchange = session.post(json.dumps(rpc("tools/list", id="s")).encode(), {"MCP-Protocol-Version": "2025-11-25"})
        assert (exchange.status, exchange.code, exchange.answer["id"]) == (400, -32000, "s")

    @pytest.mark.parametrize("id", ["unknown", "0", "x" * 200])
    def test_12_an_unknown_session_is_404(self, session: LegacySession, id: str) -> None:
        session.session_id = id
        assert session.request("ping").status == 404
        assert session.notify("notifications/initialized").status == 404
        connection, head = session.get()
        connection.close()
        assert head.status == 404
        assert session.delete().status == 404

    def test_12_initialize_with_a_stale_session_is_404(self, plain: Supervisor) -> None:
        with LegacySession(plain.port, initialize=False) as session:
            assert session.request("initialize", INITIALIZE, headers={"Mcp-Session-Id": "stale"}).status == 404

    @pytest.mark.parametrize("version", ["1999-01-01", "v999.0.0", "nonsense"])
    def test_13_an_unknown_version_header_is_400(self, session: LegacySession, version: str) -> None:
        assert session.request("ping", headers={"MCP-Protocol-Version": version}).status == 400
        connection, head = session.get({"MCP-Protocol-Version": version})
        connection.close()
        assert head.status == 400

    @pytest.mark.parametrize("version", LEGACY)
    def test_13_another_legacy_version_is_tolerated(self, any_session: LegacySession, version: str) -> None:
        assert any_session.request("ping", headers={"MCP-Protocol-Version": version}).status == 200

    def test_14_notifications_are_202_without_a_body(self, any_session: LegacySession) -> None:
        for method, params in (("notifications/initialized", None), ("notifications/cancelled", {"requestId": 77}), ("notifications/unknown", None)):
            exchange = any_session.notify(method, params)
            assert exchange.status == 202 and exchange.http.body == b""

    def test_14_an_answer_to_nothing_is_taken_and_not_answered(self, session: LegacySession) -> None:
        exchange = session.post(b'{"jsonrpc":"2.0","id":"nobody asked","result":{}}', session.headers())
        assert exchange.status == 202 and exchange.http.body == b""

    def test_16_an_unknown_event_id_is_400(self, session: LegacySession) -> None:
        connection, head = session.get({"Last-Event-ID": "no-such-event"})
        connection.close()
        assert head.status == 400

    def test_a_duplicate_id_in_flight_is_400(self, session: LegacySession) -> None:
        with LegacySession(session.port) as observer:
            slow = json.dumps(rpc("tools/call", {"name": "slow", "arguments": {"seconds": 60, "name": "twice"}}, id="same")).encode()
            with Connection(session.port) as first:
                first.send(session.post_bytes(slow, session.headers()))
                eventually("the first call runs", lambda: "started twice" in observer.call("past").text)
                exchange = session.post(slow, session.headers())
                assert (exchange.status, exchange.code, exchange.answer.get("id")) == (400, -32600, "same")
                session.notify("notifications/cancelled", {"requestId": "same"})


class TestCalls:
    def test_ping_is_answered_with_an_empty_object(self, any_session: LegacySession) -> None:
        assert any_session.request("ping").result == {}

    @pytest.mark.parametrize("id", [0, 1, -3, 2**53 - 1, "1", "", "ü"])
    def test_the_id_keeps_its_type(self, session: LegacySession, id: Any) -> None:
        assert session.request("ping", id=id).status == 200
        assert session.call("echo", id=id).status == 200

    def test_tools_are_listed_and_called(self, any_session: LegacySession) -> None:
        assert "echo" in {tool["name"] for tool in any_session.request("tools/list").result["tools"]}
        result = any_session.call("echo", {"big": 12345678901234567890, "float": 1.50, "text": "\u2028"})
        assert json.loads(result.text)["arguments"] == {"big": 12345678901234567890, "float": 1.5, "text": "\u2028"}

    def test_legacy_results_carry_no_modern_fields(self, any_session: LegacySession) -> None:
        for result in (any_session.request("tools/list").result, any_session.call("echo").result):
            assert not {"resultType", "ttlMs", "cacheScope"} & set(result)

    def test_progress_comes_on_the_stream_of_the_call(self, any_session: LegacySession) -> None:
        exchange = any_session.call("steps", {"count": 4, "nonce": "z"}, token=5)
        assert [(note["params"]["progressToken"], note["params"]["progress"]) for note in exchange.notifications] == [(5, step) for step in (1, 2, 3, 4)]

    def test_an_unknown_method_is_not_found(self, any_session: LegacySession) -> None:
        exchange = any_session.request("no/such", id="q")
        assert exchange.code == -32601 and exchange.answer["id"] == "q"

    def test_a_cancelled_call_ends_without_an_answer(self, session: LegacySession) -> None:
        with LegacySession(session.port) as observer, Connection(session.port) as waiting:
            slow = json.dumps(rpc("tools/call", {"name": "slow", "arguments": {"seconds": 60, "name": "stop me"}}, id="c1")).encode()
            waiting.send(session.post_bytes(slow, session.headers()))
            eventually("the call runs", lambda: "started stop me" in observer.call("past").text)
            assert observer.notify("notifications/cancelled", {"requestId": "c1"}).status == 202
            waiting.assert_open_and_silent()  # Another session's cancellation is not ours.
            assert session.notify("notifications/cancelled", {"requestId": "c1"}).status == 202
            eventually("the server was told", lambda: "cancelled stop me" in observer.call("past").text)
            # Its stream ends properly and without a message: nothing is owed for a cancelled call.
            assert [event for event in waiting.events(waiting.read_head()) if event.data] == []
            waiting.assert_open_and_silent()

    def test_a_lost_connection_does_not_cancel(self, session: LegacySession) -> None:
        slow = json.dumps(rpc("tools/call", {"name": "slow", "arguments": {"seconds": 0.3, "name": "left alone"}}, id="l1")).encode()
        with LegacySession(session.port) as observer:
            lost = Connection(session.port)
            lost.send(session.post_bytes(slow, session.headers()))
            eventually("the call runs", lambda: "started left alone" in observer.call("past").text)
            lost.close()
            eventually("the call finishes", lambda: "finished left alone" in observer.call("past").text)


class TestBatches:
    def test_a_batch_of_requests_is_answered_whole_in_2025_03_26(self, plain: Supervisor) -> None:
        with LegacySession(plain.port, "2025-03-26") as session:
            batch = [rpc("ping", id="a"), rpc("notifications/cancelled", {"requestId": 9}, id=None), rpc("tools/call", {"name": "echo"}, id=2)]
            exchange = session.post(json.dumps(batch).encode(), session.headers())
            assert exchange.status == 200
            assert sorted(str(message["id"]) for message in exchange.messages) == ["2", "a"]

    def test_calls_of_a_batch_run_side_by_side_and_keep_their_progress(self, plain: Supervisor) -> None:
        with LegacySession(plain.port, "2025-03-26") as session:
            batch = [
                rpc("tools/call", {"name": "slow", "arguments": {"seconds": 0.3, "name": "b"}}, id="slow"),
                rpc("tools/call", {"name": "steps", "arguments": {"count": 2, "nonce": "n"}, "_meta": {"progressToken": "slow"}}, id="steps"),
                rpc("no/such", id=3), rpc("tools/call", {"name": "slow", "arguments": {"seconds": 0.3, "name": "c"}}, id="slow")]
            exchange = session.post(json.dumps(batch).encode(), session.headers())
            answers = [message for message in exchange.messages if "id" in message]
            assert sorted(str(message["id"]) for message in answers) == ["3", "slow", "slow", "steps"]
            assert answers[-1]["id"] == "slow" and "result" in answers[-1], "the slow one comes last and holds up nobody"
            assert [message["error"]["code"] for message in answers if "error" in message] == [-32601, -32600]
            assert [note["params"]["progressToken"] for note in exchange.notifications] == ["slow"] * 2
            assert session.request("ping").status == 200

    def test_a_cancelled_call_of_a_batch_leaves_the_others(self, plain: Supervisor) -> None:
        with LegacySession(plain.port, "2025-03-26") as session, LegacySession(plain.port) as observer:
            batch = [rpc("tools/call", {"name": "slow", "arguments": {"seconds": 60, "name": "batched"}}, id=1),
                     rpc("tools/call", {"name": "slow", "arguments": {"seconds": 0.5, "name": "kept"}}, id=2)]
            with Connection(session.port) as waiting:
                waiting.send(session.post_bytes(json.dumps(batch).encode(), session.headers()))
                eventually("both run", lambda: {"started batched", "started kept"} <= set(json.loads(observer.call("past").text)))
                session.notify("notifications/cancelled", {"requestId": 1})
                messages = [event.message for event in waiting.events(waiting.read_head()) if event.data]
                assert [message["id"] for message in messages] == [2]
                waiting.assert_open_and_silent()

    def test_a_message_that_may_not_be_there_refuses_the_whole_batch(self, plain: Supervisor) -> None:
        with LegacySession(plain.port, "2025-03-26") as session:
            bad: list[Any] = [5, [], {"jsonrpc": "2.0", "id": None, "method": "ping"}, rpc("initialize", INITIALIZE)]
            for element in bad:
                exchange = session.post(json.dumps([rpc("ping", id="p"), element]).encode(), session.headers())
                assert (exchange.status, exchange.code) == (400, -32600), element
            assert session.post(json.dumps([rpc("ping", id=n) for n in range(101)]).encode(), session.headers()).status == 400
            assert len(session.post(json.dumps([rpc("ping", id=n) for n in range(100)]).encode(), session.headers()).messages) == 100

    def test_a_batch_whose_client_left_goes_on(self, plain: Supervisor) -> None:
        with LegacySession(plain.port, "2025-03-26") as session, LegacySession(plain.port) as observer:
            batch = [rpc("tools/call", {"name": "slow", "arguments": {"seconds": 0.3, "name": f"left {n}"}}, id=n) for n in range(2)]
            lost = Connection(session.port)
            lost.send(session.post_bytes(json.dumps(batch).encode(), session.headers()))
            eventually("both run", lambda: "started left 1" in observer.call("past").text)
            lost.close()
            eventually("both finish", lambda: {"finished left 0", "finished left 1"} <= set(json.loads(observer.call("past").text)))

    def test_a_batch_of_notifications_is_202(self, plain: Supervisor) -> None:
        with LegacySession(plain.port, "2025-03-26") as session:
            batch = [rpc("notifications/cancelled", {"requestId": 1}, id=None), rpc("notifications/initialized", id=None)]
            exchange = session.post(json.dumps(batch).encode(), session.headers())
            assert exchange.status == 202 and exchange.http.body == b""

    @pytest.mark.parametrize("batch", [[], [rpc("ping"), {"jsonrpc": "2.0", "id": 1, "result": {}}]])
    def test_an_empty_or_mixed_batch_is_invalid(self, plain: Supervisor, batch: list[Any]) -> None:
        with LegacySession(plain.port, "2025-03-26") as session:
            exchange = session.post(json.dumps(batch).encode(), session.headers())
            assert (exchange.status, exchange.code) == (400, -32600)

    @pytest.mark.parametrize("revision", ["2025-06-18", "2025-11-25"])
    def test_later_revisions_have_no_batches(self, plain: Supervisor, revision: str) -> None:
        with LegacySession(plain.port, revision) as session:
            exchange = session.post(json.dumps([rpc("ping")]).encode(), session.headers())
            assert (exchange.status, exchange.code) == (400, -32600)


class TestStreams:
    def test_get_without_a_session_is_refused(self, plain: Supervisor) -> None:
        response = wire.exchange(plain.port, "GET", "/mcp", {"Accept": "text/event-stream"})
        assert response.status == 400

    def test_the_stream_opens_and_lives(self, any_session: LegacySession) -> None:
        connection, head = any_session.get()
        with connection:
            assert head.status == 200 and head.is_stream
            assert head.header("x-accel-buffering") == "no" and "no-cache" in head.header("cache-control")
            assert any_session.request("ping").status == 200

    def test_15_the_newest_stream_replaces_the_old_one(self, session: LegacySession) -> None:
        first, first_head = session.get()
        assert first_head.status == 200
        second, second_head = session.get()
        with first, second:
            assert second_head.status == 200
            assert [event for event in first.events(first_head) if event.data] == [], "the old stream ends properly and says nothing"
            assert session.request("ping").status == 200

    def test_18_delete_ends_the_session_its_streams_and_its_calls(self, session: LegacySession) -> None:
        with LegacySession(session.port) as observer:
            stream, head = session.get()
            assert head.status == 200
            waiting = Connection(session.port)
            slow = json.dumps(rpc("tools/call", {"name": "slow", "arguments": {"seconds": 60, "name": "deleted"}}, id="d")).encode()
            waiting.send(session.post_bytes(slow, session.headers()))
            eventually("the call runs", lambda: "started deleted" in observer.call("past").text)
            assert session.delete().status == 200
            assert [event for event in stream.events(head) if event.data] == [], "the stream ends properly"
            eventually("the call is cancelled", lambda: "cancelled deleted" in observer.call("past").text)
            assert session.request("ping").status == 404
            stream.close()
            waiting.close()

    def test_many_sessions_do_not_see_each_other(self, plain: Supervisor) -> None:
        sessions = [LegacySession(plain.port) for _ in range(8)]
        for session in sessions[::2]:
            session.delete()
        assert [session.request("ping").status for session in sessions] == [404, 200] * 4
        for session in sessions:
            session.close()


def test_an_idle_session_expires_and_a_used_one_does_not() -> None:
    with Supervisor(config={"limits": {"sessionIdle": "1s"}}, command=python_server("plain.py")) as supervisor:
        idle, streaming = LegacySession(supervisor.port), LegacySession(supervisor.port)
        stream, head = streaming.get()
        assert head.status == 200

        # /health shows the count without touching a session.
        eventually("the idle session is gone", lambda: supervisor.health()["sessions"] == 1, within=5)
        assert idle.request("ping").status == 404
        assert streaming.request("ping").status == 200, "a stream counts as use"
        for item in (stream, idle, streaming):
            item.close()


def test_both_eras_share_one_url(plain: Supervisor) -> None:
    with LegacySession(plain.port) as legacy, ModernClient(plain.port) as modern:
        results: list[int] = []
        threads = [threading.Thread(target=lambda one=one: results.extend(one.call("echo", {"i": index}).status for index in range(20))) for one in (legacy, modern)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [200] * 40
