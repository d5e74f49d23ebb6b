"""One check a feature. Each gets a client, the server behind it and the answer that docs/bridging.md defines for the pair, and asserts values.

The answers, by the words of the tables in docs/bridging.md:
    same          as over plain stdio
    absent        the server's revision has no such thing; an error that says so
    refused       a tool result with isError that names what the client lacks
    text          text in the place of what the older revision cannot say
    silent        nothing comes, and the call succeeds all the same
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import features as fixture

from harness.answers import MODEL, ROOTS
from harness.peers import AnyPeer, RPCError
from harness.processes import eventually


@dataclass(frozen=True)
class Worker:
    """A fixture server, and the revisions in which it may be spoken to."""

    name: str
    command: list[str]
    revisions: tuple[str, ...]

    @property
    def modern(self) -> bool | None:
        """None when it can be either."""
        spoken = {revision == fixture.E for revision in self.revisions}
        return spoken.pop() if len(spoken) == 1 else None


def nonce() -> str:
    return f"n-{uuid.uuid4().hex}-é"


def text(result: dict[str, Any]) -> str:
    return "".join(block["text"] for block in result["content"] if block["type"] == "text")


def value(result: dict[str, Any]) -> Any:
    assert not result.get("isError"), result
    return json.loads(text(result))


def code_of(client: AnyPeer, method: str, params: dict[str, Any]) -> int:
    try:
        result = client.request(method, params)
    except RPCError as error:
        assert error.code != 0, error.message
        return error.code
    raise AssertionError(f"{method} {params} gave {result}")


def met_otherwise(client: AnyPeer, tool: str, arguments: dict[str, Any], answer: str, lacking: str) -> bool:
    """Checks the answers `absent` and `refused` of a tool; False when it has to work."""
    if answer == "absent":
        assert code_of(client, "tools/call", {"name": tool, "arguments": arguments}) == -32602
        return True
    if answer == "refused":
        result = client.call(tool, arguments)
        assert result.get("isError") is True and lacking in text(result).lower(), result
        assert not client.questions, client.questions
        return True
    assert answer == "same", answer
    return False


def listing(client: AnyPeer, worker: Worker, answer: str) -> None:
    tools = {tool["name"]: tool for tool in client.all("tools/list", "tools")}
    offered = [{name for name, tool in fixture.TOOLS.items() if tool.since <= revision <= tool.until} for revision in worker.revisions]
    assert set(tools) in offered, set(tools) ^ offered[-1]
    assert tools["echo"]["inputSchema"]["properties"] == fixture.NONCE
    if client.revision >= fixture.B and worker.revisions[0] >= fixture.B:
        assert tools["echo"]["annotations"]["readOnlyHint"] is True
    assert tools["region"]["inputSchema"]["properties"]["region"]["x-mcp-header"] == "Region"
    structured = client.revision >= fixture.C and worker.revisions[0] >= fixture.C
    assert tools["add"].get("outputSchema") == (fixture.SUM["outputSchema"] if structured else None)
    if "squares" in tools:
        # An output schema that is no object's is for modern clients only.
        assert ("outputSchema" in tools["squares"]) == (client.revision >= fixture.E)


def call(client: AnyPeer, worker: Worker, answer: str) -> None:
    for _ in range(3):
        sent = nonce()
        result = client.call("echo", {"nonce": sent})
        assert result["content"] == [{"type": "text", "text": sent}] and not result.get("isError")
    assert client.call("region", {"region": "eu-west-1"})["content"] == [{"type": "text", "text": "eu-west-1"}]


def structured(client: AnyPeer, worker: Worker, answer: str) -> None:
    result = client.call("add", {"a": 20, "b": 22})
    assert value(result) == {"sum": 42}
    assert result.get("structuredContent") == (None if answer == "text" else {"sum": 42})
    if worker.modern:
        squares = client.call("squares", {"count": 3})
        assert value(squares) == [0, 1, 4]
        assert squares.get("structuredContent") == ([0, 1, 4] if client.revision >= fixture.E else None)


def content(client: AnyPeer, worker: Worker, answer: str) -> None:
    (image,) = client.call("picture")["content"]
    assert (image["type"], image["data"], image["mimeType"]) == ("image", fixture.PIXEL, "image/png")
    (resource,) = client.call("embedded")["content"]
    assert resource["resource"]["text"] == "static text" and resource["resource"]["uri"] == "test://static/text"
    if answer == "absent":
        assert code_of(client, "tools/call", {"name": "sound", "arguments": {}}) == -32602
        return
    (sound,) = client.call("sound")["content"]
    (link,) = client.call("link")["content"]
    if answer == "text":
        assert sound["type"] == "text" and "audio/wav" in sound["text"]
        assert link["type"] == "text" and "test://static/text" in link["text"] and "the text" in link["text"]
    else:
        assert (sound["type"], sound["data"], sound["mimeType"]) == ("audio", fixture.SOUND, "audio/wav")
        assert (link["type"], link["uri"], link["name"]) == ("resource_link", "test://static/text", "the text")


def progress(client: AnyPeer, worker: Worker, answer: str) -> None:
    sent = nonce()
    running = client.start("tools/call", {"name": "steps", "arguments": {"count": 5, "nonce": sent}}, progress=True)
    assert text(running.result()) == sent
    eventually(f"five steps; came {running.progress}", lambda: len(running.progress) >= 5)
    assert [step["progress"] for step in running.progress] == [1, 2, 3, 4, 5]
    assert all(step["total"] == 5 for step in running.progress)
    if worker.revisions[0] >= fixture.B:
        assert [step["message"] for step in running.progress] == [f"{sent} {number}" for number in range(1, 6)]


def logging(client: AnyPeer, worker: Worker, answer: str) -> None:
    client.set_level("warning")
    sent = nonce()
    assert text(client.call("log", {"nonce": sent})) == "logged"

    def came() -> list[str]:
        logs = [event["params"] for event in client.events if event["method"] == "notifications/message"]
        assert all(log["data"]["nonce"] == sent and log["data"]["level"] == log["level"] for log in logs), logs
        return [log["level"] for log in logs]

    if answer == "same":
        expected = list(fixture.LEVELS[fixture.LEVELS.index("warning"):])
        eventually(f"the five levels from warning on; came {came()}", lambda: len(came()) >= 5)
        assert came() == expected
    else:
        assert answer == "silent" and came() == []


def cancellation(client: AnyPeer, worker: Worker, answer: str) -> None:
    name = nonce()

    def past() -> list[str]:
        return value(client.call("past"))

    running = client.start("tools/call", {"name": "wait", "arguments": {"name": name, "seconds": 60}})
    eventually("the call has begun", lambda: f"started {name}" in past())
    running.cancel()
    eventually("the server has heard of the cancellation", lambda: f"cancelled {name}" in past(), 5)
    assert f"finished {name}" not in past()


def elicitation_form(client: AnyPeer, worker: Worker, answer: str) -> None:
    sent = nonce()
    if met_otherwise(client, "ask_form", {"nonce": sent}, answer, "elicitation"):
        return
    assert value(client.call("ask_form", {"nonce": sent})) == {"action": "accept", "content": {"answer": f"re: {sent}"}}
    (question,) = client.questions
    assert question["method"] == "elicitation/create" and question["params"]["message"] == sent
    assert question["params"]["requestedSchema"]["properties"]["answer"]["type"] == "string"


def elicitation_url(client: AnyPeer, worker: Worker, answer: str) -> None:
    sent = nonce()
    if met_otherwise(client, "ask_url", {"nonce": sent}, answer, "elicitation"):
        return
    assert value(client.call("ask_url", {"nonce": sent})) == {"action": "accept"}
    (question,) = client.questions
    params = question["params"]
    assert (params["mode"], params["url"], params["message"]) == ("url", "https://example.com/consent", sent)
    # Legacy clients must be given an id, modern ones must not.
    assert ("elicitationId" in params) == (client.revision < fixture.E), params


def url_required(client: AnyPeer, worker: Worker, answer: str) -> None:
    """-32042 of a legacy server, and what becomes of it."""
    sent = nonce()
    if met_otherwise(client, "needs_url", {"nonce": sent}, answer, "elicitation"):
        return
    try:
        result = client.call("needs_url", {"nonce": sent})
    except RPCError as error:
        assert client.revision < fixture.E and worker.modern is not True, error
        assert error.code == -32042 and error.data["elicitations"][0]["url"] == "https://example.com/consent"
        result = client.call("needs_url", {"nonce": sent})
    assert text(result) == "accept" and not result.get("isError")


def sampling(client: AnyPeer, worker: Worker, answer: str) -> None:
    sent = nonce()
    if met_otherwise(client, "sample", {"nonce": sent}, answer, "sampling"):
        return
    assert value(client.call("sample", {"nonce": sent})) == {"model": MODEL, "text": f"model: {sent}"}
    (question,) = client.questions
    assert question["method"] == "sampling/createMessage" and question["params"]["maxTokens"] == 100


def sampling_tools(client: AnyPeer, worker: Worker, answer: str) -> None:
    sent = nonce()
    if met_otherwise(client, "sample_tools", {"nonce": sent}, answer, "sampling"):
        return
    assert value(client.call("sample_tools", {"nonce": sent})) == {"stop": "toolUse", "tool": "lookup"}
    (question,) = client.questions
    assert question["params"]["toolChoice"] == {"mode": "auto"} and question["params"]["tools"][0]["name"] == "lookup"


def roots(client: AnyPeer, worker: Worker, answer: str) -> None:
    if met_otherwise(client, "list_roots", {}, answer, "roots"):
        return
    assert value(client.call("list_roots")) == [root["uri"] for root in ROOTS]
    assert [question["method"] for question in client.questions] == ["roots/list"]


def several_questions(client: AnyPeer, worker: Worker, answer: str) -> None:
    sent = nonce()
    if met_otherwise(client, "ask_many", {"nonce": sent}, answer, ""):
        return
    assert value(client.call("ask_many", {"nonce": sent})) == {"form": f"re: {sent}", "model": f"model: {sent}", "roots": len(ROOTS)}
    assert sorted(question["method"] for question in client.questions) == ["elicitation/create", "roots/list", "sampling/createMessage"]


def several_rounds(client: AnyPeer, worker: Worker, answer: str) -> None:
    sent = nonce()
    if met_otherwise(client, "ask_rounds", {"count": 3, "nonce": sent}, answer, "elicitation"):
        return
    assert value(client.call("ask_rounds", {"count": 3, "nonce": sent})) == [f"re: {sent} {number}" for number in range(3)]
    assert len(client.questions) == 3
    # A round that asks nothing of the client.
    assert text(client.call("state_only", {"nonce": sent})) == sent


def prompts(client: AnyPeer, worker: Worker, answer: str) -> None:
    listed = {prompt["name"]: prompt for prompt in client.all("prompts/list", "prompts")}
    assert {"greet"} <= set(listed) and [argument["name"] for argument in listed["greet"]["arguments"]] == ["name", "tone"]
    sent = nonce()
    got = client.request("prompts/get", {"name": "greet", "arguments": {"name": sent, "tone": "Good day"}})
    assert got["description"] == "A greeting"
    assert [(message["role"], message["content"]["text"]) for message in got["messages"]] == [("user", f"Good day, {sent}!")]
    assert code_of(client, "prompts/get", {"name": "greet", "arguments": {}}) == -32602
    assert code_of(client, "prompts/get", {"name": "nobody", "arguments": {}}) == -32602


def prompt_that_asks(client: AnyPeer, worker: Worker, answer: str) -> None:
    sent = nonce()
    params = {"name": "interview", "arguments": {"name": sent}}
    if answer == "absent":
        assert code_of(client, "prompts/get", params) == -32602
    elif answer == "refused":
        assert code_of(client, "prompts/get", params) == -32603 and not client.questions
    else:
        got = client.request("prompts/get", params)
        assert [message["content"]["text"] for message in got["messages"]] == [f"re: interview {sent}"]
        assert len(client.questions) == 1


def resources(client: AnyPeer, worker: Worker, answer: str) -> None:
    first = client.request("resources/list", {})["resources"]
    assert [resource["uri"] for resource in first[:3]] == [resource["uri"] for resource in fixture.RESOURCES[:3]]
    (read,) = client.request("resources/read", {"uri": "test://static/text"})["contents"]
    assert (read["uri"], read["text"], read["mimeType"]) == ("test://static/text", "contents of test://static/text", "text/plain")
    (blob,) = client.request("resources/read", {"uri": "test://static/blob"})["contents"]
    assert base64.b64decode(blob["blob"]) == bytes(range(256))


def templates(client: AnyPeer, worker: Worker, answer: str) -> None:
    listed = client.request("resources/templates/list", {})["resourceTemplates"]
    assert [template["uriTemplate"] for template in listed] == [template["uriTemplate"] for template in fixture.TEMPLATES]
    sent = uuid.uuid4().hex
    (read,) = client.request("resources/read", {"uri": f"test://note/{sent}"})["contents"]
    assert read["text"] == f"contents of test://note/{sent}"


def subscriptions(client: AnyPeer, worker: Worker, answer: str) -> None:
    updated = "notifications/resources/updated"
    client.subscribe("test://tree")
    client.call("touch", {"uri": "test://item/1"})  # Nobody asked for this one.
    client.call("touch", {"uri": "test://tree"})
    client.wait_for_event(updated, uri="test://tree")
    client.call("touch", {"uri": "test://tree/leaf"})  # A part of what was asked for.
    client.wait_for_event(updated, uri="test://tree/leaf")
    client.unsubscribe("test://tree")
    eventually("the server has heard of the end", lambda: value(client.call("report"))["subscribed"] == [])
    client.call("touch", {"uri": "test://tree"})
    client.call("echo", {"nonce": "afterwards"})
    assert [event["params"]["uri"] for event in client.events if event["method"] == updated] == ["test://tree", "test://tree/leaf"]


def completion(client: AnyPeer, worker: Worker, answer: str) -> None:
    prompt = {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "name", "value": "an"}}
    completed = client.request("completion/complete", prompt)["completion"]
    assert completed["values"] == ["anna", "anton"] and completed["total"] == 2
    template = {"ref": {"type": "ref/resource", "uri": "test://item/{number}"}, "argument": {"name": "number", "value": "24"}}
    assert client.request("completion/complete", template)["completion"]["values"] == ["24"]


def pagination(client: AnyPeer, worker: Worker, answer: str) -> None:
    pages = client.pages("resources/list", "resources")
    assert [len(page) for page in pages] == [10, 10, 8]
    assert [resource["uri"] for page in pages for resource in page] == [resource["uri"] for resource in fixture.RESOURCES]
    assert code_of(client, "resources/list", {"cursor": "nonsense"}) == -32602


def list_changed(client: AnyPeer, worker: Worker, answer: str) -> None:
    changed = "notifications/tools/list_changed"
    client.watch()
    assert "extra" not in {tool["name"] for tool in client.all("tools/list", "tools")}
    try:
        assert text(client.call("toggle", {"on": True})) == "on"
        client.wait_for_event(changed)
        assert "extra" in {tool["name"] for tool in client.all("tools/list", "tools")}
        assert text(client.call("extra")) == "extra"
    finally:
        client.call("toggle", {"on": False})
    assert code_of(client, "tools/call", {"name": "extra", "arguments": {}}) == -32602


def errors(client: AnyPeer, worker: Worker, answer: str) -> None:
    sent = nonce()
    failed = client.call("fail", {"message": sent})
    assert failed["isError"] is True and text(failed) == sent
    assert code_of(client, "tools/call", {"name": "nobody", "arguments": {}}) == -32602
    assert code_of(client, "tools/call", {"name": "refuse", "arguments": {"code": -32602}}) == -32602
    modern = client.revision >= fixture.E
    try:
        client.request("resources/read", {"uri": "test://nowhere"})
        raise AssertionError("a resource that is not there was read")
    except RPCError as error:
        assert error.code == (-32602 if modern else -32002), error
        assert error.data == {"uri": "test://nowhere"}
    # A code that a modern client must not see, whoever sent it. Over plain stdio nobody replaces what a server sends.
    hidden = modern and not client.direct
    assert code_of(client, "tools/call", {"name": "refuse", "arguments": {"code": -32001}}) == (-32603 if hidden else -32001)


Check = Callable[[AnyPeer, Worker, str], None]

FEATURES: dict[str, Check] = {
    "list": listing, "call": call, "structured": structured, "content": content, "progress": progress, "logging": logging,
    "cancellation": cancellation, "elicitation form": elicitation_form, "elicitation url": elicitation_url, "url required": url_required,
    "sampling": sampling, "sampling tools": sampling_tools, "roots": roots, "several questions": several_questions,
    "several rounds": several_rounds, "prompts": prompts, "prompt that asks": prompt_that_asks, "resources": resources,
    "templates": templates, "subscriptions": subscriptions, "completion": completion, "pagination": pagination,
    "list changed": list_changed, "errors": errors,
}
