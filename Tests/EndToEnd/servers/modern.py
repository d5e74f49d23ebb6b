"""A stdio server that knows 2026-07-28 alone, of the standard library alone.    modern.py [options of channel.py]"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from channel import Channel, parse_arguments
from engine import Cancelled, Engine, Running
from features import LEVELS, Ask, Call, E, Log, Pause, Refusal, State, missing_capability

META = "io.modelcontextprotocol/"
REMOVED = ("ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe")
CACHED = ("server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read")
KEY = b"the key of a test server, known to everybody"


class InputRequired(Exception):
    def __init__(self, requests: dict[str, Any] | None) -> None:
        super().__init__()
        self.requests = requests


class Modern(Engine):
    revision = E
    not_found = -32602

    def __init__(self, channel: Channel, state: State) -> None:
        super().__init__(channel, state)
        state.era = E
        self.listens: dict[Any, dict[str, Any]] = {}

    def handle(self, message: dict[str, Any]) -> None:
        method, id, params = message.get("method"), message.get("id"), message.get("params") or {}
        if method is None:
            self.state.history.append("got a response, which no modern client may send")
        elif id is None:
            if method == "notifications/cancelled":
                self.listens.pop(params.get("requestId"), None)
                self.note_subscriptions()
                self.cancel(params)
        else:
            try:
                self.request(method, id, params)
            except Refusal as refusal:
                self.channel.error(id, refusal.code, refusal.message, refusal.data)

    def check_envelope(self, method: str, meta: dict[str, Any]) -> None:
        version = meta.get(META + "protocolVersion")
        if version is None and method == "initialize" or version is not None and version != E:
            raise Refusal(-32022, "Unsupported protocol version", {"supported": [E], "requested": version or "initialize"})
        if not isinstance(version, str) or not isinstance(meta.get(META + "clientCapabilities"), dict):
            raise Refusal(-32602, "The request has no envelope")

    def request(self, method: str, id: Any, params: dict[str, Any]) -> None:
        meta = params.get("_meta") or {}
        self.check_envelope(method, meta)
        if method in ("tools/call", "prompts/get"):
            if method == "tools/call":
                self.count_call()
            call = Call(params.get("arguments") or {}, E, self.state, meta[META + "clientCapabilities"])
            self.start(id, lambda running: self.run(running, method, params, call), Running(id, params))
        elif method == "server/discover":
            self.channel.result(id, self.envelope(method, {
                "supportedVersions": [E], "instructions": "A server of the tests.",
                "capabilities": {"tools": {"listChanged": True}, "prompts": {"listChanged": True}, "completions": {}, "logging": {},
                                 "resources": {"subscribe": True, "listChanged": True}}}))
        elif method == "subscriptions/listen":
            wanted = params["notifications"]
            self.listens[id] = wanted
            self.note_subscriptions()
            self.channel.notify("notifications/subscriptions/acknowledged", {
                "notifications": wanted, "_meta": {META + "subscriptionId": id}})
        else:
            result = None if method in REMOVED else self.answer_list(method, params)
            if result is None:
                raise Refusal(-32601, f"Method not found: {method}")
            self.channel.result(id, self.envelope(method, result))

    def envelope(self, method: str, result: dict[str, Any]) -> dict[str, Any]:
        caching = {"ttlMs": 0, "cacheScope": "public"} if method in CACHED else {}
        info = {"name": self.state.name, "version": "1"}
        return {"resultType": "complete", **caching, **result, "_meta": {META + "serverInfo": info, **result.get("_meta", {})}}

    # Rounds of questions: the state holds the answers so far, so that any process can go on.

    def seal(self, params: dict[str, Any], rounds: list[Any]) -> str:
        inner = json.dumps({"request": self.digest(params), "rounds": rounds}, sort_keys=True).encode()
        return base64.urlsafe_b64encode(inner).decode().rstrip("=") + "." + hmac.new(KEY, inner, hashlib.sha256).hexdigest()

    def open_seal(self, params: dict[str, Any]) -> list[Any]:
        sealed, _, mark = params["requestState"].partition(".")
        try:
            inner = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
            if not hmac.compare_digest(mark, hmac.new(KEY, inner, hashlib.sha256).hexdigest()):
                raise ValueError
            state = json.loads(inner)
        except ValueError:
            raise Refusal(-32602, "Invalid requestState") from None
        if state["request"] != self.digest(params):
            raise Refusal(-32602, "This requestState belongs to another request")
        return state["rounds"]

    def digest(self, params: dict[str, Any]) -> str:
        return hashlib.sha256(json.dumps([params["name"], params.get("arguments") or {}], sort_keys=True).encode()).hexdigest()

    def run(self, running: Running, method: str, params: dict[str, Any], call: Call) -> dict[str, Any]:
        rounds = self.open_seal(params) if "requestState" in params else []
        if "inputResponses" in params or "requestState" in params:
            rounds.append(params.get("inputResponses") or {})
        running.replay = list(rounds)
        running.missed = False
        try:
            return self.envelope(method, self.drive(running, self.body(method, params, call)))
        except InputRequired as required:
            done = rounds[:-1] if running.missed else rounds
            asked = {} if required.requests is None else {"inputRequests": required.requests}
            return {"resultType": "input_required", **asked, "requestState": self.seal(params, done),
                    "_meta": {META + "serverInfo": {"name": self.state.name, "version": "1"}}}

    def perform(self, running: Running, wish: Any) -> Any:
        if running.stop.is_set():
            raise Cancelled
        if isinstance(wish, Pause):
            if running.replay:
                running.replay.pop(0)
                return None
            raise InputRequired(None)
        if isinstance(wish, Ask):
            for request in wish.requests.values():
                missing = missing_capability(request, running.meta[META + "clientCapabilities"])
                if missing is not None and not self.channel.options.ask_anyway:
                    raise Refusal(-32021, "The client lacks a capability", {"requiredCapabilities": missing})
            if running.replay:
                given = running.replay.pop(0)
                if all(isinstance(given.get(key), dict) for key in wish.requests):
                    return given
                running.missed = True
            raise InputRequired(wish.requests)
        # What was said and done in earlier rounds is not repeated.
        return None if running.replay else super().perform(running, wish)

    def log(self, running: Running, wish: Log) -> None:
        level = running.meta.get(META + "logLevel")
        if level in LEVELS and LEVELS.index(wish.level) >= LEVELS.index(level):
            self.channel.notify("notifications/message", {"level": wish.level, "logger": "fixture", "data": wish.data})

    def note_subscriptions(self) -> None:
        self.state.subscribed = sorted({uri for wanted in self.listens.values() for uri in wanted.get("resourceSubscriptions", [])})

    def changed(self, kind: str) -> None:
        for id, wanted in list(self.listens.items()):
            if wanted.get(f"{kind}ListChanged"):
                self.channel.notify(f"notifications/{kind}/list_changed", {"_meta": {META + "subscriptionId": id}})

    def updated(self, uri: str) -> None:
        for id, wanted in list(self.listens.items()):
            if any(uri == subscribed or uri.startswith(subscribed + "/") for subscribed in wanted.get("resourceSubscriptions", [])):
                self.channel.notify("notifications/resources/updated", {"uri": uri, "_meta": {META + "subscriptionId": id}})


def main() -> None:
    channel = Channel(parse_arguments())
    engine = Modern(channel, State("modern"))
    for message in channel.messages():
        engine.handle(message)


if __name__ == "__main__":
    main()
