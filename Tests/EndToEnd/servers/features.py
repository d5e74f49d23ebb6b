"""What the fixture servers offer, the same in every era: tools, prompts, resources, completion.

The body of a tool or prompt is a function, or a generator that yields what it wants done (`Progress`, `Log`, `Sleep`, `Ask`, `Pause`, `Changed`,
`Updated`, `Gather`) and is sent the outcome. The engine of an era decides how: a legacy one sends a request and waits, a modern one answers
"input required" and runs the body again.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

A, B, C, D, E = "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"
LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
PAGE = 10
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\nfixture").decode()
SOUND = base64.b64encode(b"RIFFfixtureWAVE").decode()


class Refusal(Exception):
    """A JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


class Declined(Exception):
    """The client answered a question with an error (legacy only)."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error)
        self.error = error


@dataclass
class Progress:
    value: int
    total: int
    message: str


@dataclass
class Log:
    level: str
    data: Any


@dataclass
class Sleep:
    seconds: float


@dataclass
class Ask:
    """Questions to the client, all at once: key -> request. Sent back: key -> result."""

    requests: dict[str, dict[str, Any]]


@dataclass
class Pause:
    """A round without a question: modern servers answer with requestState alone, legacy ones go on."""


@dataclass
class Changed:
    kind: str
    """tools, prompts or resources."""


@dataclass
class Updated:
    uri: str


@dataclass
class Gather:
    """Waits until `size` calls have come here, so that all of them are under way at once."""

    size: int


@dataclass
class Call:
    arguments: dict[str, Any]
    revision: str
    server: "State"
    capabilities: dict[str, Any] = field(default_factory=dict)


class State:
    """What one process has lived through."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lock = threading.Lock()
        self.history: list[str] = []
        self.initializes = 0
        self.calls = 0
        self.extra = False
        self.subscribed: list[str] = []
        self.capabilities: dict[str, Any] = {}
        self.level: str | None = None
        self.era = ""
        self.visited: set[str] = set()
        self.gathered = threading.Condition()
        self.arrivals = 0


def text(value: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": value if isinstance(value, str) else json.dumps(value, sort_keys=True)}]}


def failure(message: str) -> dict[str, Any]:
    return {**text(message), "isError": True}


def form(message: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"answer": {"type": "string", "title": "Answer"}}, "required": ["answer"]}
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def visit(message: str, id: str | None) -> dict[str, Any]:
    more = {} if id is None else {"elicitationId": id}
    return {"method": "elicitation/create", "params": {"mode": "url", "message": message, "url": "https://example.com/consent", **more}}


def sampling(message: str, **more: Any) -> dict[str, Any]:
    return {"method": "sampling/createMessage",
            "params": {"messages": [{"role": "user", "content": {"type": "text", "text": message}}], "maxTokens": 100, **more}}


def missing_capability(request: dict[str, Any], declared: dict[str, Any]) -> dict[str, Any] | None:
    """The capability that `request` needs and the client has not declared."""
    method, params = request["method"], request.get("params", {})
    if method == "ping":
        return None
    if method == "roots/list":
        return None if "roots" in declared else {"roots": {}}
    if method == "sampling/createMessage":
        if "sampling" not in declared:
            return {"sampling": {"tools": {}} if "tools" in params else {}}
        return {"sampling": {"tools": {}}} if "tools" in params and "tools" not in declared["sampling"] else None
    elicitation = declared.get("elicitation")
    if params.get("mode") == "url":
        return None if elicitation is not None and "url" in elicitation else {"elicitation": {"url": {}}}
    return None if elicitation is not None and ("form" in elicitation or not elicitation) else {"elicitation": {"form": {}}}


# Tools. Each is (body, schema of its arguments, what else stands in the list, first revision).

def echo(call: Call):
    return text(call.arguments["nonce"])


def add(call: Call):
    total = {"sum": call.arguments["a"] + call.arguments["b"]}
    return {**text(total), **({"structuredContent": total} if call.revision >= C else {})}


def squares(call: Call):
    values = [number * number for number in range(call.arguments["count"])]
    return {**text(values), "structuredContent": values}


def steps(call: Call):
    count = call.arguments["count"]
    for step in range(1, count + 1):
        yield Progress(step, count, f"{call.arguments['nonce']} {step}")
    return text(call.arguments["nonce"])


def wait(call: Call):
    name = call.arguments["name"]
    call.server.history.append(f"started {name}")
    stopped = yield Sleep(call.arguments["seconds"])
    call.server.history.append(f"{'cancelled' if stopped else 'finished'} {name}")
    return text(f"waited {name}")


def past(call: Call):
    return text(list(call.server.history))


def log(call: Call):
    for level in LEVELS:
        yield Log(level, {"nonce": call.arguments["nonce"], "level": level})
    return text("logged")


def picture(call: Call):
    return {"content": [{"type": "image", "data": PIXEL, "mimeType": "image/png"}]}


def sound(call: Call):
    return {"content": [{"type": "audio", "data": SOUND, "mimeType": "audio/wav"}]}


def link(call: Call):
    return {"content": [{"type": "resource_link", "uri": "test://static/text", "name": "the text"}]}


def embedded(call: Call):
    return {"content": [{"type": "resource", "resource": {"uri": "test://static/text", "mimeType": "text/plain", "text": "static text"}}]}


def fail(call: Call):
    return failure(call.arguments["message"])


def refuse(call: Call):
    raise Refusal(call.arguments["code"], "refused on demand", {"nonce": call.arguments.get("nonce")})


def toggle(call: Call):
    call.server.extra = call.arguments["on"]
    yield Changed("tools")
    return text("on" if call.server.extra else "off")


def extra(call: Call):
    return text("extra")


def touch(call: Call):
    yield Updated(call.arguments["uri"])
    return text("touched")


def ask_form(call: Call):
    answers = yield Ask({"form": form(call.arguments["nonce"])})
    return text(answers["form"])


def ask_url(call: Call):
    nonce = call.arguments["nonce"]
    answers = yield Ask({"url": visit(nonce, nonce if call.revision <= D else None)})
    return text({"action": answers["url"]["action"]})


def needs_url(call: Call):
    """Legacy: -32042 until it was called before with this nonce. Modern: a question like any other."""
    nonce = call.arguments["nonce"]
    if call.revision >= E:
        answers = yield Ask({"url": visit(nonce, None)})
        return text(answers["url"]["action"])
    if nonce not in call.server.visited:
        call.server.visited.add(nonce)
        elicitation = visit(nonce, nonce)["params"]
        raise Refusal(-32042, "This needs the user's consent", {"elicitations": [elicitation]})
    return text("accept")


def sample(call: Call):
    answers = yield Ask({"model": sampling(call.arguments["nonce"])})
    return text({"model": answers["model"]["model"], "text": answers["model"]["content"]["text"]})


def sample_tools(call: Call):
    tool = {"name": "lookup", "description": "Looks up.", "inputSchema": {"type": "object"}}
    answers = yield Ask({"model": sampling(call.arguments["nonce"], tools=[tool], toolChoice={"mode": "auto"})})
    content = answers["model"]["content"]
    block = content[0] if isinstance(content, list) else content
    return text({"stop": answers["model"]["stopReason"], "tool": block["name"]})


def list_roots(call: Call):
    answers = yield Ask({"roots": {"method": "roots/list"}})
    return text([root["uri"] for root in answers["roots"]["roots"]])


def ask_many(call: Call):
    nonce = call.arguments["nonce"]
    answers = yield Ask({"form": form(nonce), "model": sampling(nonce), "roots": {"method": "roots/list"}})
    return text({"form": answers["form"]["content"]["answer"], "model": answers["model"]["content"]["text"],
                 "roots": len(answers["roots"]["roots"])})


def ask_rounds(call: Call):
    given = []
    for number in range(call.arguments["count"]):
        answers = yield Ask({f"round-{number}": form(f"{call.arguments['nonce']} {number}")})
        given.append(answers[f"round-{number}"]["content"]["answer"])
    return text(given)


def ask_together(call: Call):
    """All calls ask at the same moment: on a shared legacy channel nobody can say which call asks."""
    yield Gather(call.arguments["size"])
    answers = yield Ask({"form": form(call.arguments["nonce"])})
    return text(answers["form"])


def state_only(call: Call):
    yield Pause()
    return text(call.arguments["nonce"])


def region(call: Call):
    return text(call.arguments["region"])


def ping_client(call: Call):
    answers = yield Ask({"ping": {"method": "ping"}})
    return text(answers["ping"])


def die(call: Call):
    os._exit(call.arguments.get("code", 1))


def large(call: Call):
    return text("x" * call.arguments["bytes"])


def report(call: Call):
    server = call.server
    return text({"name": server.name, "era": server.era, "pid": os.getpid(), "initializes": server.initializes, "calls": server.calls,
                 "subscribed": sorted(server.subscribed), "capabilities": call.capabilities, "level": server.level})


@dataclass(frozen=True)
class Tool:
    body: Callable[[Call], Any]
    properties: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    since: str = A
    until: str = E

    def listed(self, name: str, revision: str) -> dict[str, Any]:
        description = (self.body.__doc__ or name).split("\n")[0]
        schema = {"type": "object", **({"properties": self.properties, "required": list(self.properties)} if self.properties else {})}
        more = {key: value for key, value in self.more.items() if key != "outputSchema" or revision >= C}
        if revision < B:
            more.pop("annotations", None)
        return {"name": name, "description": description, "inputSchema": schema, **more}


NONCE = {"nonce": {"type": "string"}}
READ_ONLY = {"annotations": {"readOnlyHint": True}}
SUM = {"outputSchema": {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}}
ARRAY = {"outputSchema": {"type": "array", "items": {"type": "integer"}}}
INTEGER, STRING, BOOLEAN = {"type": "integer"}, {"type": "string"}, {"type": "boolean"}

TOOLS: dict[str, Tool] = {
    "echo": Tool(echo, NONCE, READ_ONLY),
    "add": Tool(add, {"a": INTEGER, "b": INTEGER}, SUM),
    "squares": Tool(squares, {"count": INTEGER}, ARRAY, since=E),
    "steps": Tool(steps, {"count": INTEGER, **NONCE}),
    "wait": Tool(wait, {"name": STRING, "seconds": {"type": "number"}}),
    "past": Tool(past, {}, READ_ONLY),
    "log": Tool(log, NONCE),
    "picture": Tool(picture),
    "sound": Tool(sound, since=B),
    "link": Tool(link, since=C),
    "embedded": Tool(embedded),
    "fail": Tool(fail, {"message": STRING}),
    "refuse": Tool(refuse, {"code": INTEGER}),
    "toggle": Tool(toggle, {"on": BOOLEAN}),
    "touch": Tool(touch, {"uri": STRING}),
    "ask_form": Tool(ask_form, NONCE, since=C),
    "ask_url": Tool(ask_url, NONCE, since=D),
    "needs_url": Tool(needs_url, NONCE, since=D),
    "sample": Tool(sample, NONCE),
    "sample_tools": Tool(sample_tools, NONCE, since=D),
    "list_roots": Tool(list_roots),
    "ask_many": Tool(ask_many, NONCE, since=C),
    "ask_rounds": Tool(ask_rounds, {"count": INTEGER, **NONCE}, since=C),
    "ask_together": Tool(ask_together, {"size": INTEGER, **NONCE}, since=C),
    "state_only": Tool(state_only, NONCE),
    "region": Tool(region, {"region": {"type": "string", "x-mcp-header": "Region"}}),
    "ping_client": Tool(ping_client, until=D),
    "die": Tool(die),
    "large": Tool(large, {"bytes": INTEGER}),
    "report": Tool(report, {}, READ_ONLY),
}


def tools_of(revision: str, state: State) -> dict[str, Tool]:
    offered = {name: tool for name, tool in TOOLS.items() if tool.since <= revision <= tool.until}
    return {**offered, "extra": Tool(extra)} if state.extra else offered


# Prompts.

def message(value: str) -> dict[str, Any]:
    return {"role": "user", "content": {"type": "text", "text": value}}


def greet(call: Call):
    return {"description": "A greeting", "messages": [message(f"{call.arguments.get('tone', 'Hello')}, {call.arguments['name']}!")]}


def interview(call: Call):
    answers = yield Ask({"form": form(f"interview {call.arguments['name']}")})
    return {"messages": [message(answers["form"]["content"]["answer"])]}


PROMPTS: dict[str, tuple[Callable[[Call], Any], list[dict[str, Any]], str]] = {
    "greet": (greet, [{"name": "name", "required": True}, {"name": "tone", "required": False}], A),
    "interview": (interview, [{"name": "name", "required": True}], C),
}


def prompts_of(revision: str) -> list[dict[str, Any]]:
    return [{"name": name, "description": f"The prompt {name}", "arguments": arguments}
            for name, (_, arguments, since) in PROMPTS.items() if since <= revision]


# Resources.

ITEMS = 25
RESOURCES = [
    {"uri": "test://static/text", "name": "text", "mimeType": "text/plain"},
    {"uri": "test://static/blob", "name": "blob", "mimeType": "application/octet-stream"},
    {"uri": "test://tree", "name": "tree", "mimeType": "text/plain"},
    *({"uri": f"test://item/{number}", "name": f"item {number}", "mimeType": "text/plain"} for number in range(ITEMS)),
]
TEMPLATES = [
    {"uriTemplate": "test://item/{number}", "name": "item", "mimeType": "text/plain"},
    {"uriTemplate": "test://note/{nonce}", "name": "note", "mimeType": "text/plain"},
]


def contents(uri: str) -> dict[str, Any] | None:
    if uri == "test://static/blob":
        return {"uri": uri, "mimeType": "application/octet-stream", "blob": base64.b64encode(bytes(range(256))).decode()}
    head, _, last = uri.rpartition("/")
    known = uri in ("test://static/text", "test://tree", "test://tree/leaf") or head == "test://note" \
        or head == "test://item" and last.isdigit() and int(last) < ITEMS
    return {"uri": uri, "mimeType": "text/plain", "text": f"contents of {uri}"} if known else None


# Completion.

NAMES = ("anna", "anton", "bert")


def complete(params: dict[str, Any]) -> dict[str, Any]:
    reference, argument = params["ref"], params["argument"]
    if reference["type"] == "ref/prompt" and reference["name"] in PROMPTS:
        candidates = NAMES if argument["name"] == "name" else ("Hello", "Good day")
        tone = (params.get("context") or {}).get("arguments", {}).get("tone")
        candidates = tuple(f"{tone} {name}" for name in candidates) if tone else candidates
    elif reference["type"] == "ref/resource" and reference["uri"] in {template["uriTemplate"] for template in TEMPLATES}:
        candidates = tuple(str(number) for number in range(ITEMS))
    else:
        raise Refusal(-32602, "Unknown reference")
    values = [value for value in candidates if argument["value"] in value]
    return {"completion": {"values": values, "total": len(values), "hasMore": False}}


def page(key: str, items: list[dict[str, Any]], params: dict[str, Any]) -> dict[str, Any]:
    """At most `PAGE` of `items` and where to go on. A cursor names its list, so that one of another list is refused."""
    start = 0
    if "cursor" in params:
        name, _, number = str(params["cursor"]).partition(":")
        if name != key or not number.isdigit() or not 0 < int(number) < len(items):
            raise Refusal(-32602, "Invalid cursor")
        start = int(number)
    end = start + PAGE
    return {key: items[start:end], **({"nextCursor": f"{key}:{end}"} if end < len(items) else {})}
