"""The complete ladder of checks for 2026-07-28 over HTTP: status, JSON-RPC code, and the id echoed with its type."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from harness import wire
from harness.mcp import BOTH, META, MODERN, ModernClient
from harness.supervisor import Supervisor


@pytest.fixture
def client(plain: Supervisor) -> Iterator[ModernClient]:
    with ModernClient(plain.port) as client:
        yield client


def sentinel(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


class TestDiscovery:
    def test_discover_names_only_modern_versions_and_needs_no_name_header(self, client: ModernClient) -> None:
        exchange = client.request("server/discover")
        assert exchange.status == 200 and exchange.http.media_type == "application/json"
        assert exchange.result["supportedVersions"] == [MODERN]
        assert exchange.result["resultType"] == "complete"
        assert exchange.result["ttlMs"] >= 0 and exchange.result["cacheScope"] in ("public", "private")
        assert exchange.http.header("mcp-session-id") is None

    def test_every_result_names_the_server(self, client: ModernClient) -> None:
        for exchange in (client.request("server/discover"), client.request("tools/list"), client.call("echo", {"a": 1})):
            assert exchange.result["_meta"][META + "serverInfo"]["name"], exchange.result
            assert exchange.result["resultType"] == "complete"

    def test_lists_carry_their_caching_fields(self, client: ModernClient) -> None:
        result = client.request("tools/list").result
        assert isinstance(result["ttlMs"], int) and result["ttlMs"] >= 0
        assert result["cacheScope"] in ("public", "private")

    def test_a_call_carries_no_caching_fields(self, client: ModernClient) -> None:
        result = client.call("echo").result
        assert "ttlMs" not in result and "cacheScope" not in result


class TestIds:
    @pytest.mark.parametrize("id", [0, 1, -1, 2**53 - 1, -(2**53 - 1), 1763628000000, "", "1", "a b", "ü🎈", "x" * 250, '"\\'])
    def test_the_id_comes_back_with_its_type_and_value(self, client: ModernClient, id: Any) -> None:
        assert client.call("echo", id=id).status == 200
        assert client.request("no/such", id=id).code == -32601

    @pytest.mark.parametrize("lexeme", [b"null", b"1.5", b"1e3", b"9007199254740992", b"[1]", b"{}", b"true", b'"' + b"x" * 300 + b'"'])
    def test_an_id_that_is_none_is_refused(self, client: ModernClient, lexeme: bytes) -> None:
        params = json.dumps({"_meta": client.meta()}).encode()
        body = b'{"jsonrpc":"2.0","id":' + lexeme + b',"method":"tools/list","params":' + params + b"}"
        exchange = client.post(body, {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"})
        assert exchange.status == 400 and exchange.code == -32600
        assert "id" not in exchange.answer, "an id that could not be read is left out"


class TestTransport:
    @pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "text/html", "application/json;q=0, text/event-stream"])
    def test_an_accept_without_both_types_is_406(self, client: ModernClient, accept: str) -> None:
        assert client.request("tools/list", headers={"Accept": accept}).status == 406

    @pytest.mark.parametrize("accept", ["*/*", "application/*, text/*", "text/event-stream;q=0.5, application/json;q=0.9", "APPLICATION/JSON, Text/Event-Stream"])
    def test_wildcards_and_weights_are_accepted(self, client: ModernClient, accept: str) -> None:
        assert client.request("tools/list", headers={"Accept": accept}).status == 200

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data; boundary=x", None])
    def test_another_content_type_is_415(self, client: ModernClient, kind: str | None) -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": client.meta()}}).encode()
        headers = {"Accept": BOTH, "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list", **({"Content-Type": kind} if kind else {})}
        response = wire.exchange(client.port, "POST", "/mcp", headers, body)
        assert response.status == 415

    @pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=\"utf-8\""])
    def test_parameters_of_the_content_type_do_not_matter(self, client: ModernClient, kind: str) -> None:
        assert client.request("tools/list", headers={"Content-Type": kind}).status == 200

    def test_session_and_event_ids_are_ignored_and_never_minted(self, client: ModernClient) -> None:
        exchange = client.request("tools/list", headers={"Mcp-Session-Id": "nonsense", "Last-Event-ID": "1"})
        assert exchange.status == 200 and exchange.http.header("mcp-session-id") is None

    def test_progress_turns_the_answer_into_a_stream(self, client: ModernClient) -> None:
        exchange = client.call("steps", {"count": 3, "nonce": "n"}, token="t-1")
        assert exchange.http.is_stream
        assert [note["params"] for note in exchange.notifications] == [
            {"progressToken": "t-1", "progress": step, "total": 3, "message": "n"} for step in (1, 2, 3)]
        assert "method" not in exchange.messages[-1], "the answer ends the stream"

    @pytest.mark.parametrize("token", ["", "7", 7, 0, -5, "ü"])
    def test_progress_tokens_keep_their_type(self, client: ModernClient, token: Any) -> None:
        (note,) = client.call("steps", {"count": 1, "nonce": "n"}, token=token).notifications
        assert note["params"]["progressToken"] == token and type(note["params"]["progressToken"]) is type(token)

    def test_without_a_token_there_is_no_progress_and_no_stream(self, client: ModernClient) -> None:
        exchange = client.call("steps", {"count": 3, "nonce": "n"})
        assert exchange.http.media_type == "application/json" and not exchange.notifications

    def test_a_notification_is_202_without_a_body(self, client: ModernClient) -> None:
        body = json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5, "_meta": client.meta()}}).encode()
        exchange = client.post(body, {"MCP-Protocol-Version": MODERN})
        assert exchange.status == 202 and exchange.http.body == b""


class TestShape:
    @pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b'{"jsonrpc":"2.0","id":1,"method":"tools/list"', b'{"a":1}}', b"{}{}", b"\xff", b'"\xed\xa0\x80"'])
    def test_what_is_not_json_is_a_parse_error_without_id(self, client: ModernClient, body: bytes) -> None:
        exchange = client.post(body, {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"})
        assert exchange.status == 400 and exchange.code == -32700 and "id" not in exchange.answer

    @pytest.mark.parametrize("body", [
        b"1", b'"x"', b"null", b"[]", b"{}", b'{"jsonrpc":"2.0","id":1}', b'{"jsonrpc":"1.0","id":1,"method":"tools/list"}',
        b'{"id":1,"method":"tools/list"}', b'{"jsonrpc":"2.0","id":1,"method":5}', b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":1}', b'{"jsonrpc":2.0,"id":1,"method":"tools/list"}'])
    def test_what_is_not_a_request_is_invalid(self, client: ModernClient, body: bytes) -> None:
        exchange = client.post(body, {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"})
        assert exchange.status == 400 and exchange.code == -32600

    def test_a_batch_with_a_modern_claim_is_invalid(self, client: ModernClient) -> None:
        one = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": client.meta()}}
        exchange = client.post(json.dumps([one]).encode(), {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"})
        assert exchange.status == 400 and exchange.code == -32600

    def test_a_response_is_not_something_a_modern_client_sends(self, client: ModernClient) -> None:
        exchange = client.post(b'{"jsonrpc":"2.0","id":1,"result":{}}', {"MCP-Protocol-Version": MODERN})
        assert exchange.status == 400 and exchange.code == -32600

    def test_whitespace_between_tokens_is_fine(self, client: ModernClient) -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "echo", "arguments": {"line\nfeed": "a\u2028b"}, "_meta": client.meta()}}, indent=2, ensure_ascii=False).replace("\n", "\r\n").encode()
        exchange = client.post(body, {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "echo"}, "tools/call")
        assert json.loads(exchange.text)["arguments"] == {"line\nfeed": "a\u2028b"}


class TestEnvelope:
    def without(self, client: ModernClient, *names: str) -> dict[str, Any]:
        return {name: value for name, value in client.meta().items() if name.removeprefix(META) not in names}

    @pytest.mark.parametrize("missing", [("protocolVersion",), ("clientCapabilities",), ("protocolVersion", "clientCapabilities", "clientInfo")])
    def test_a_missing_meta_field_is_invalid_params_and_named(self, client: ModernClient, missing: tuple[str, ...]) -> None:
        exchange = client.request("tools/list", meta=self.without(client, *missing), id="m")
        assert exchange.status == 400 and exchange.code == -32602 and exchange.answer["id"] == "m"
        assert all(name in exchange.error["message"] for name in missing if name != "clientInfo"), "that one is optional"

    def test_no_params_at_all_is_invalid_params(self, client: ModernClient) -> None:
        exchange = client.post(b'{"jsonrpc":"2.0","id":9,"method":"tools/list"}', {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"})
        assert exchange.status == 400 and exchange.code == -32602 and exchange.answer["id"] == 9

    def test_the_client_need_not_say_who_it_is(self, client: ModernClient) -> None:
        assert client.request("tools/list", meta=self.without(client, "clientInfo")).status == 200

    @pytest.mark.parametrize("field, value", [("protocolVersion", 5), ("clientCapabilities", "none"), ("clientCapabilities", None)])
    def test_a_meta_field_of_the_wrong_type_is_refused(self, client: ModernClient, field: str, value: Any) -> None:
        exchange = client.request("tools/list", meta={**client.meta(), META + field: value})
        assert (exchange.status, exchange.code) == (400, -32602)

    def test_an_unknown_log_level_is_invalid_params(self, client: ModernClient) -> None:
        assert client.request("tools/list", meta={**client.meta(), META + "logLevel": "shouting"}).code == -32602

    def test_our_own_meta_keys_never_reach_the_server(self, client: ModernClient) -> None:
        meta = {**client.meta(), "io.mcp-supervisor/caller": "root", "io.mcp-supervisor/group": "admins", "com.example/kept": [1, {"a": None}]}
        exchange = client.request("tools/call", {"name": "echo", "arguments": {}}, meta=meta)
        seen = json.loads(exchange.text)["meta"] or {}
        assert not any(key.startswith("io.mcp-supervisor/") for key in seen), seen
        assert seen.get("com.example/kept") == [1, {"a": None}]


class TestHeaders:
    @pytest.mark.parametrize("header, claim, status, code", [
        (MODERN, "v999.0.0", 400, -32020),
        ("v999.0.0", MODERN, 400, -32020),
        ("2025-11-25", MODERN, 400, -32020),
        (None, MODERN, 400, -32020),
        ("v999.0.0", "v999.0.0", 400, -32022),
        ("2025-11-25", "2025-11-25", 400, -32022),
    ])
    def test_the_version_header_and_the_claim(self, client: ModernClient, header: str | None, claim: str, status: int, code: int) -> None:
        exchange = client.request("tools/list", meta={**client.meta(), META + "protocolVersion": claim}, headers={"MCP-Protocol-Version": header}, id="v")
        assert (exchange.status, exchange.code, exchange.answer["id"]) == (status, code, "v")
        if code == -32022:
            assert exchange.error["data"] == {"supported": [MODERN], "requested": claim}

    @pytest.mark.parametrize("value", [f"  {MODERN}  ", f"\t{MODERN}"])
    def test_space_around_a_header_value_does_not_count(self, client: ModernClient, value: str) -> None:
        assert client.request("tools/list", headers={"MCP-Protocol-Version": value}).status == 200

    @pytest.mark.parametrize("value", [None, "tools/call", "Tools/List", sentinel("tools/list"), ""])
    def test_the_method_header_must_name_the_method(self, client: ModernClient, value: str | None) -> None:
        exchange = client.request("tools/list", headers={"Mcp-Method": value}, id="x")
        assert (exchange.status, exchange.code, exchange.answer["id"]) == (400, -32020, "x")

    @pytest.mark.parametrize("value", [None, "slow", "Echo", "", "=?base64?!!!!?=", "=?base64?ZWNob?=", "=?base64?/w==?=", "=?BASE64?ZWNobw==?=", "=?base64?ZWNobw=="])
    def test_the_name_header_must_name_the_tool(self, client: ModernClient, value: str | None) -> None:
        exchange = client.request("tools/call", {"name": "echo", "arguments": {}}, headers={"Mcp-Name": value}, id=3)
        assert (exchange.status, exchange.code, exchange.answer["id"]) == (400, -32020, 3)

    @pytest.mark.parametrize("value", ["echo", "  echo ", sentinel("echo")])
    def test_the_name_header_may_be_encoded(self, client: ModernClient, value: str) -> None:
        assert client.request("tools/call", {"name": "echo", "arguments": {}}, headers={"Mcp-Name": value}).status == 200

    @pytest.mark.parametrize("name", ["Mcp-Method", "Mcp-Name", "MCP-Protocol-Version"])
    def test_a_routing_header_that_comes_twice_is_refused(self, plain: Supervisor, name: str) -> None:
        with ModernClient(plain.port) as client:
            params = {"name": "echo", "arguments": {}, "_meta": client.meta()}
            pairs = [("Content-Type", "application/json"), ("Accept", BOTH), *client.standard_headers("tools/call", params).items()]
            pairs += [pair for pair in pairs if pair[0] == name]
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
            with wire.Connection(plain.port) as connection:
                connection.send(wire.request_bytes("POST", "/mcp", pairs, body, host=f"127.0.0.1:{plain.port}"))
                response = connection.read_response()
                assert response.status == 400
                assert (response.json["error"]["code"], response.json["id"]) == (-32020, 1)
                connection.assert_open_and_silent()

    def test_bytes_outside_ascii_in_a_routing_header_are_refused(self, client: ModernClient) -> None:
        for name in ("Mcp-Name", "Mcp-Method", "MCP-Protocol-Version"):
            exchange = client.request("tools/call", {"name": "echo", "arguments": {}}, headers={name: "ech\xf6"}, id=4)
            assert (exchange.status, exchange.code, exchange.answer["id"]) == (400, -32020, 4), name


class TestMethods:
    @pytest.mark.parametrize("method", ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "no/such", "tools/lis", ""])
    def test_a_removed_or_unknown_method_is_404(self, client: ModernClient, method: str) -> None:
        exchange = client.request(method, id="gone")
        assert (exchange.status, exchange.code, exchange.answer["id"]) == (404, -32601, "gone")

    @pytest.mark.parametrize("method", ["prompts/list", "resources/list", "completion/complete"])
    def test_a_method_of_a_capability_the_server_has_not_is_404(self, client: ModernClient, method: str) -> None:
        exchange = client.request(method)
        assert (exchange.status, exchange.code) == (404, -32601)

    def test_initialize_under_a_modern_header_alone_is_refused(self, client: ModernClient) -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}).encode()
        exchange = client.post(body, {"MCP-Protocol-Version": MODERN})
        assert (exchange.status, exchange.code, exchange.answer["id"]) == (400, -32020, 1)

    def test_an_unknown_tool_is_a_protocol_error_at_200(self, client: ModernClient) -> None:
        exchange = client.call("no_such_tool", id="u")
        assert (exchange.status, exchange.code, exchange.answer["id"]) == (200, -32602, "u")

    @pytest.mark.parametrize("params", [{}, {"name": 5}, {"name": None}])
    def test_a_call_without_a_usable_name_is_refused(self, client: ModernClient, params: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {**params, "_meta": client.meta()}}).encode()
        exchange = client.post(body, {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "echo"})
        assert (exchange.status, exchange.code) == (400, -32020)


class TestOrder:
    """Where two things are wrong, the earlier rung answers."""

    def test_envelope_before_version_header(self, client: ModernClient) -> None:
        meta = {META + "protocolVersion": "v999.0.0"}
        assert client.request("tools/list", meta=meta).code == -32602

    def test_version_mismatch_before_unsupported_version(self, client: ModernClient) -> None:
        assert client.request("tools/list", meta={**client.meta(), META + "protocolVersion": "v1"}, headers={"MCP-Protocol-Version": "v2"}).code == -32020

    def test_unsupported_version_before_the_standard_headers(self, client: ModernClient) -> None:
        exchange = client.request(
            "tools/call", {"name": "echo"}, meta={**client.meta(), META + "protocolVersion": "v9"}, headers={"MCP-Protocol-Version": "v9", "Mcp-Name": None})
        assert exchange.code == -32022

    def test_standard_headers_before_the_method(self, client: ModernClient) -> None:
        assert client.request("no/such", headers={"Mcp-Method": None}).code == -32020

    def test_accept_before_the_body_is_parsed(self, client: ModernClient) -> None:
        assert client.post(b"{", {"Accept": "text/html"}).status == 406


def test_closing_the_stream_cancels_the_call(plain: Supervisor) -> None:
    client = ModernClient(plain.port)
    params = {"name": "slow", "arguments": {"seconds": 60, "name": "hung up"}, "_meta": client.meta()}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    with ModernClient(plain.port) as observer:
        connection = wire.Connection(plain.port)
        connection.send(client.post_bytes(body, client.standard_headers("tools/call", params)))
        from harness.processes import eventually

        eventually("the call runs", lambda: "started hung up" in observer.call("past").text)
        connection.close()
        eventually("the server was told", lambda: "cancelled hung up" in observer.call("past").text)


def test_hanging_up_is_noticed_of_a_client_that_is_far_ahead(plain: Supervisor) -> None:
    """The supervisor does not read what a client sends far ahead of its answers, but notices that it has gone."""
    from harness.processes import eventually

    with ModernClient(plain.port) as client, ModernClient(plain.port) as observer:
        params = {"name": "slow", "arguments": {"seconds": 60, "name": "far ahead"}, "_meta": client.meta()}
        body = json.dumps({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params}).encode()
        connection = wire.Connection(plain.port)
        connection.send(client.post_bytes(body, client.standard_headers("tools/call", params)))
        eventually("the call runs", lambda: "started far ahead" in observer.call("past").text)
        # More than the supervisor reads ahead, less than the kernel takes in addition.
        ahead = wire.request_bytes("GET", "/health")
        connection.send(ahead * (150_000 // len(ahead)))
        connection.close()
        eventually("the server was told", lambda: "cancelled far ahead" in observer.call("past").text)
