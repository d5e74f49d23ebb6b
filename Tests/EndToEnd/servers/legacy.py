"""A stdio server of one legacy revision, of the standard library alone.    legacy.py REVISION [options of channel.py]"""

from __future__ import annotations

import itertools
import os
import queue
from typing import Any

from channel import Channel, parse_arguments
from engine import Cancelled, Engine, Running
from features import LEVELS, Ask, B, Call, Declined, Log, Pause, Refusal, State, failure, missing_capability


class Legacy(Engine):
    def __init__(self, channel: Channel, state: State, revision: str) -> None:
        super().__init__(channel, state)
        self.revision = revision
        self.questions = (f"w-{number}" for number in itertools.count(1))
        self.waiting: dict[str, queue.Queue[dict[str, Any]]] = {}

    def handle(self, message: dict[str, Any]) -> None:
        method, id, params = message.get("method"), message.get("id"), message.get("params") or {}
        if method is None:
            if waiting := self.waiting.pop(id, None):
                waiting.put(message)
        elif id is None:
            if method == "notifications/cancelled":
                self.cancel(params)
            elif method == "notifications/initialized":
                self.state.history.append("initialized")
        else:
            try:
                self.request(method, id, params)
            except Refusal as refusal:
                self.channel.error(id, refusal.code, refusal.message, refusal.data)

    def request(self, method: str, id: Any, params: dict[str, Any]) -> None:
        if method == "initialize":
            self.initialize(id, params)
        elif method == "ping":
            self.channel.result(id, {})
        elif self.state.initializes == 0:
            self.before_initialize(method)
        elif method in ("tools/call", "prompts/get"):
            if method == "tools/call":
                self.count_call()
            call = Call(params.get("arguments") or {}, self.revision, self.state, self.state.capabilities)
            self.start(id, lambda running: self.run(running, method, params, call), Running(id, params))
        elif method == "logging/setLevel":
            if params.get("level") not in LEVELS:
                raise Refusal(-32602, "Unknown level")
            self.state.level = params["level"]
            self.channel.result(id, {})
        elif method == "resources/subscribe":
            if params["uri"] not in self.state.subscribed:
                self.state.subscribed.append(params["uri"])
            self.channel.result(id, {})
        elif method == "resources/unsubscribe":
            if params["uri"] in self.state.subscribed:
                self.state.subscribed.remove(params["uri"])
            self.channel.result(id, {})
        else:
            result = self.answer_list(method, params)
            if result is None:
                raise Refusal(-32601, f"Method not found: {method}")
            self.channel.result(id, result)

    def before_initialize(self, method: str) -> None:
        """What a request before the handshake meets; servers in the wild do all three."""
        if self.channel.options.probe == "exit":
            os._exit(2)
        if self.channel.options.probe == "error":
            raise Refusal(-32601 if method == "server/discover" else -32600, f"Not initialized, and asked for {method}")

    def initialize(self, id: Any, params: dict[str, Any]) -> None:
        self.state.initializes += 1
        if self.state.initializes > 1:
            if self.channel.options.one_initialize:
                os._exit(3)
            raise Refusal(-32600, "Already initialized")
        self.state.era = self.revision
        self.state.capabilities = params["capabilities"]
        offered: dict[str, Any] = {
            "tools": {"listChanged": True}, "prompts": {"listChanged": True}, "resources": {"subscribe": True, "listChanged": True},
            "logging": {}}
        if self.revision >= B:
            offered["completions"] = {}
        self.channel.result(id, {
            "protocolVersion": self.revision, "capabilities": offered, "serverInfo": {"name": self.state.name, "version": "1"},
            "instructions": "A server of the tests."})

    def run(self, running: Running, method: str, params: dict[str, Any], call: Call) -> dict[str, Any]:
        try:
            return self.drive(running, self.body(method, params, call))
        except Declined as declined:
            if method == "tools/call":
                return failure(f"the client answered {declined.error['code']}: {declined.error['message']}")
            raise Refusal(-32603, f"the client answered {declined.error['code']}") from None

    def perform(self, running: Running, wish: Any) -> Any:
        if isinstance(wish, Pause):
            return None
        if not isinstance(wish, Ask):
            return super().perform(running, wish)
        for request in wish.requests.values():
            missing = missing_capability(request, self.state.capabilities)
            if missing is not None and not self.channel.options.ask_anyway:
                raise Declined({"code": -32601, "message": f"it has no {'.'.join(self.path(missing))}"})
        asked = {key: self.ask(request) for key, request in wish.requests.items()}
        return {key: self.answered(running, id, waiting) for key, (id, waiting) in asked.items()}

    def path(self, capability: dict[str, Any]) -> list[str]:
        return [name for key, inner in capability.items() for name in [key, *self.path(inner)]]

    def ask(self, request: dict[str, Any]) -> tuple[str, queue.Queue[dict[str, Any]]]:
        id, waiting = next(self.questions), queue.Queue()
        self.waiting[id] = waiting
        self.channel.send({"id": id, **request})
        return id, waiting

    def answered(self, running: Running, id: str, waiting: queue.Queue[dict[str, Any]]) -> dict[str, Any]:
        """The client's answer. Looks for a cancellation ten times a second; a minute is all the patience it has, as SDK servers."""
        for _ in range(600):
            try:
                message = waiting.get(timeout=0.1)
            except queue.Empty:
                if running.stop.is_set():
                    self.waiting.pop(id, None)
                    raise Cancelled from None
                continue
            if "error" in message:
                raise Declined(message["error"])
            return message["result"]
        self.waiting.pop(id, None)
        self.channel.notify("notifications/cancelled", {"requestId": id, "reason": "timed out"})
        raise Declined({"code": -32001, "message": "timed out"})

    def log(self, running: Running, wish: Log) -> None:
        if self.state.level is not None and LEVELS.index(wish.level) >= LEVELS.index(self.state.level):
            self.channel.notify("notifications/message", {"level": wish.level, "logger": "fixture", "data": wish.data})

    def changed(self, kind: str) -> None:
        self.channel.notify(f"notifications/{kind}/list_changed")

    def updated(self, uri: str) -> None:
        if any(uri == subscribed or uri.startswith(subscribed + "/") for subscribed in self.state.subscribed):
            self.channel.notify("notifications/resources/updated", {"uri": uri})


def main() -> None:
    options = parse_arguments("revision")
    channel = Channel(options)
    engine = Legacy(channel, State(f"legacy {options.revision}"), options.revision)
    for message in channel.messages():
        engine.handle(message)


if __name__ == "__main__":
    main()
