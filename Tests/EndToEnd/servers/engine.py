"""What the engines of both eras share: finding the body of a call, running it, and noticing that it was cancelled."""

from __future__ import annotations

import inspect
import os
import threading
from typing import Any

from channel import Channel
from features import PROMPTS, RESOURCES, TEMPLATES, Call, Changed, Gather, Log, Progress, Refusal, Sleep, State, Updated
from features import complete, contents, page, prompts_of, tools_of


class Cancelled(Exception):
    """The client no longer wants the answer."""


class Running:
    """One call under way."""

    def __init__(self, id: Any, params: dict[str, Any]) -> None:
        self.id = id
        self.token = (params.get("_meta") or {}).get("progressToken")
        self.meta = params.get("_meta") or {}
        self.stop = threading.Event()
        self.ended = False


class Engine:
    revision: str
    not_found = -32002

    def __init__(self, channel: Channel, state: State) -> None:
        self.channel = channel
        self.state = state
        self.running: dict[Any, Running] = {}

    # The methods that both eras have.

    def answer_list(self, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
        if method == "tools/list":
            tools = [tool.listed(name, self.revision) for name, tool in tools_of(self.revision, self.state).items()]
            return page("tools", tools, params)
        if method == "prompts/list":
            return page("prompts", prompts_of(self.revision), params)
        if method == "resources/list":
            return page("resources", RESOURCES, params)
        if method == "resources/templates/list":
            return page("resourceTemplates", TEMPLATES, params)
        if method == "resources/read":
            found = contents(params["uri"])
            if found is None:
                raise Refusal(self.not_found, "Resource not found", {"uri": params["uri"]})
            return {"contents": [found]}
        if method == "completion/complete":
            return complete(params)
        return None

    def body(self, method: str, params: dict[str, Any], call: Call) -> Any:
        if method == "tools/call":
            tool = tools_of(self.revision, self.state).get(params["name"])
            if tool is None:
                raise Refusal(-32602, f"Unknown tool: {params['name']}")
            for name in tool.properties:
                if name not in call.arguments:
                    return {"content": [{"type": "text", "text": f"missing argument {name}"}], "isError": True}
            return tool.body(call)
        prompt = PROMPTS.get(params["name"])
        if prompt is None or prompt[2] > self.revision:
            raise Refusal(-32602, f"Unknown prompt: {params['name']}")
        if any(argument["required"] and argument["name"] not in call.arguments for argument in prompt[1]):
            raise Refusal(-32602, "Missing required argument")
        return prompt[0](call)

    def drive(self, running: Running, body: Any) -> Any:
        """Runs a body to its end."""
        if not inspect.isgenerator(body):
            return body
        given = None
        while True:
            try:
                wish = body.send(given)
            except StopIteration as stop:
                return stop.value
            given = self.perform(running, wish)

    def perform(self, running: Running, wish: Any) -> Any:
        if isinstance(wish, Progress):
            if running.token is not None:
                more = {"message": wish.message} if self.revision >= "2025-03-26" else {}
                self.channel.notify("notifications/progress", {
                    "progressToken": running.token, "progress": wish.value, "total": wish.total, **more})
        elif isinstance(wish, Log):
            self.log(running, wish)
        elif isinstance(wish, Sleep):
            return running.stop.wait(wish.seconds) and not self.channel.options.ignore_cancel
        elif isinstance(wish, Changed):
            self.changed(wish.kind)
        elif isinstance(wish, Updated):
            self.updated(wish.uri)
        elif isinstance(wish, Gather):
            with self.state.gathered:
                self.state.arrivals += 1
                self.state.gathered.notify_all()
                self.state.gathered.wait_for(lambda: self.state.arrivals >= wish.size or running.stop.is_set(), 30)
        else:
            raise AssertionError(wish)
        return None

    def log(self, running: Running, wish: Log) -> None:
        raise NotImplementedError

    def changed(self, kind: str) -> None:
        raise NotImplementedError

    def updated(self, uri: str) -> None:
        raise NotImplementedError

    def start(self, id: Any, work: Any, running: Running) -> None:
        """Runs `work` in a thread and answers with what it gives; a cancelled call is not answered."""
        self.running[id] = running

        def run() -> None:
            try:
                answer: tuple[str, Any] = ("result", work(running))
            except Refusal as refusal:
                answer = ("error", refusal)
            except Cancelled:
                answer = ("none", None)
            running.ended = True
            self.running.pop(id, None)
            if answer[0] == "none" or running.stop.is_set() and not self.channel.options.ignore_cancel:
                return
            if answer[0] == "error":
                self.channel.error(id, answer[1].code, answer[1].message, answer[1].data)
            else:
                self.channel.result(id, answer[1])

        threading.Thread(target=run, daemon=True).start()

    def count_call(self) -> None:
        self.state.calls += 1
        if self.channel.options.die_on_call and self.state.calls == self.channel.options.die_on_call:
            os._exit(4)

    def cancel(self, params: dict[str, Any]) -> None:
        running = self.running.get(params.get("requestId"))
        if running is not None:
            running.stop.set()
            with self.state.gathered:
                self.state.gathered.notify_all()
