"""Clients that look alike: every transport and both official SDKs behind the same few methods, so that one test runs with all of them."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import schema
from .answers import CAPABILITIES, answer
from .processes import eventually
from .supervisor import SDK1_PYTHON, environment

CLIENTS = Path(__file__).resolve().parents[1] / "clients"
PATIENCE = 15.0
META = "io.modelcontextprotocol/"
MODERN = "2026-07-28"
INFO = {"name": "matrix", "version": "1"}


class RPCError(Exception):
    def __init__(self, code: int, message: str = "", data: Any = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.data = code, message, data


class Running:
    """A request under way."""

    def __init__(self, peer: AnyPeer, id: Any) -> None:
        self.peer, self.id = peer, id
        self.outcome: queue.Queue[Any] = queue.Queue(1)
        self.progress: list[dict[str, Any]] = []

    def result(self, within: float = PATIENCE) -> dict[str, Any]:
        try:
            outcome = self.outcome.get(timeout=within)
        except queue.Empty:
            raise AssertionError(f"no answer within {within:g} s to request {self.id}") from None
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def cancel(self) -> None:
        self.peer.cancel(self)


class AnyPeer:
    """One client with one session. What it hears is kept in `events` (notifications) and `questions` (the server's requests)."""

    revision = ""
    # Whether there is no supervisor between it and the server.
    direct = False

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.questions: list[dict[str, Any]] = []
        self.faults: list[str] = []
        """What the server must not have said."""

    def __enter__(self):
        self.open()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.close()
        assert kind is not None or not self.faults, self.faults

    def open(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def start(self, method: str, params: dict[str, Any], progress: bool = False) -> Running:
        raise NotImplementedError

    def cancel(self, running: Running) -> None:
        raise NotImplementedError

    def set_level(self, level: str) -> None:
        raise NotImplementedError

    def subscribe(self, uri: str) -> None:
        raise NotImplementedError

    def unsubscribe(self, uri: str) -> None:
        raise NotImplementedError

    def watch(self) -> None:
        """Asks for changes of the tool list, where one has to ask."""

    def request(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.start(method, params or {}).result()

    def call(self, tool: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.request("tools/call", {"name": tool, "arguments": arguments or {}})

    def pages(self, method: str, key: str) -> list[list[dict[str, Any]]]:
        """All pages of a list. Bound: a hundred."""
        found, params = [], {}
        for _ in range(100):
            result = self.request(method, params)
            found.append(result[key])
            if "nextCursor" not in result:
                return found
            params = {"cursor": result["nextCursor"]}
        raise AssertionError(f"{method} does not end")

    def all(self, method: str, key: str) -> list[dict[str, Any]]:
        return [item for page in self.pages(method, key) for item in page]

    def wait_for_event(self, method: str, within: float = 5.0, **wanted: Any) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            return next((event for event in self.events if event["method"] == method and wanted.items() <= event.get("params", {}).items()), None)

        eventually(f"{method} with {wanted} comes; came: {self.events}", found, within)
        event = found()
        assert event is not None
        return event


class Peer(AnyPeer):
    """JSON-RPC over a channel of messages. Subclasses connect, send, and give what comes. Checks every message against its schema."""

    def __init__(self, revision: str) -> None:
        super().__init__()
        self.revision = self.asked = revision
        self.ids = itertools.count(1)
        self.running: dict[Any, Running] = {}
        self.methods: dict[Any, str] = {}
        self.level: str | None = None
        self.listens: dict[str, Running] = {}
        self.server: dict[str, Any] = {}
        self.ended = False
        self.over = False
        """Nothing comes any more."""

    # For the subclass.

    def connect(self) -> None:
        raise NotImplementedError

    def transmit(self, message: dict[str, Any]) -> None:
        raise NotImplementedError

    def incoming(self) -> Iterator[Any]:
        raise NotImplementedError

    def hang_up(self) -> None:
        raise NotImplementedError

    # The rest is the same everywhere.

    def open(self) -> None:
        self.connect()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        if self.asked >= MODERN:
            self.server = self.request("server/discover")
            return
        self.server = self.request("initialize", {"protocolVersion": self.asked, "capabilities": CAPABILITIES[self.asked], "clientInfo": INFO})
        self.revision = self.server["protocolVersion"]
        self.transmit({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def close(self) -> None:
        self.ended = True
        self.hang_up()

    def read(self) -> None:
        try:
            for message in self.incoming():
                self.hear(message)
        except BaseException as error:
            if not self.ended:
                self.faults.append(f"{type(error).__name__}: {error}")
        self.over = True
        self.give_up()

    def give_up(self) -> None:
        while self.running:
            self.running.popitem()[1].outcome.put(RPCError(0, f"the channel ended; {self.faults}"))

    def hear(self, message: dict[str, Any]) -> None:
        method = None if "method" in message else self.methods.get(message.get("id"))
        revision = self.asked if method == "initialize" else self.revision
        try:
            schema.check_message(revision, message, method)
        except AssertionError as error:
            self.faults.append(str(error))
        if "method" in message and "id" in message:
            self.questions.append({"method": message["method"], "params": message.get("params", {})})
            result = answer(message["method"], message.get("params", {}))
            outcome = {"error": {"code": -32601, "message": "Method not found"}} if result is None else {"result": result}
            self.transmit({"jsonrpc": "2.0", "id": message["id"], **outcome})
        elif "method" in message:
            params = message.get("params", {})
            if message["method"] == "notifications/progress" and params["progressToken"] in self.running:
                self.running[params["progressToken"]].progress.append({key: value for key, value in params.items() if key != "progressToken"})
            self.events.append(message)
        else:
            running = self.running.pop(message.get("id"), None)
            if running is None:
                self.faults.append(f"an answer to nothing: {message}")
            elif "error" in message:
                running.outcome.put(RPCError(**message["error"]))
            else:
                running.outcome.put(message["result"])

    def send_request(self, method: str, params: dict[str, Any], progress: bool) -> Running:
        id = next(self.ids)
        meta: dict[str, Any] = {"progressToken": id} if progress else {}
        if self.asked >= MODERN:
            meta |= {META + "protocolVersion": MODERN, META + "clientCapabilities": CAPABILITIES[MODERN], META + "clientInfo": INFO}
            if self.level is not None:
                meta[META + "logLevel"] = self.level
        params = {**params, **({"_meta": meta} if meta else {})}
        self.running[id] = running = Running(self, id)
        self.methods[id] = method
        self.transmit({"jsonrpc": "2.0", "id": id, "method": method, **({"params": params} if params else {})})
        if self.over:  # It ended before the reader could know of this request.
            self.give_up()
        return running

    def start(self, method: str, params: dict[str, Any], progress: bool = False) -> Running:
        return self.send_request(method, params, progress)

    def request(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """As a modern client does: answers what it is asked, and asks again. Bound: ten rounds."""
        result, more = self.start(method, params or {}).result(), dict(params or {})
        for _ in range(10):
            if result.get("resultType", "complete") == "complete":
                return result
            assert result["resultType"] == "input_required", result
            responses = {}
            for key, question in result.get("inputRequests", {}).items():
                self.questions.append({"method": question["method"], "params": question.get("params", {})})
                responses[key] = answer(question["method"], question.get("params", {}))
            more = {**(params or {}), **({"inputResponses": responses} if responses else {})}
            if "requestState" in result:
                more["requestState"] = result["requestState"]
            result = self.start(method, more).result()
        raise AssertionError("more than ten rounds")

    def cancel(self, running: Running) -> None:
        # The server need not answer; when it does, that is no fault.
        self.transmit({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": running.id, "reason": "given up"}})

    def set_level(self, level: str) -> None:
        if self.asked >= MODERN:
            self.level = level
        else:
            assert self.request("logging/setLevel", {"level": level}) == {}

    def listen(self, key: str, wanted: dict[str, Any]) -> None:
        self.listens[key] = running = self.start("subscriptions/listen", {"notifications": wanted})
        acknowledged = "notifications/subscriptions/acknowledged"
        eventually("the subscription is acknowledged", lambda: not running.outcome.empty() or any(
            event["method"] == acknowledged and event["params"]["_meta"][META + "subscriptionId"] == running.id for event in self.events))
        if not running.outcome.empty():
            running.result()

    def subscribe(self, uri: str) -> None:
        if self.asked >= MODERN:
            self.listen(uri, {"resourceSubscriptions": [uri]})
        else:
            assert self.request("resources/subscribe", {"uri": uri}) == {}

    def unsubscribe(self, uri: str) -> None:
        if self.asked >= MODERN:
            self.cancel(self.listens.pop(uri))
        else:
            assert self.request("resources/unsubscribe", {"uri": uri}) == {}

    def watch(self) -> None:
        if self.asked >= MODERN:
            self.listen("watch", {"toolsListChanged": True})


class StdioPeer(Peer):
    """A client of a program's stdin and stdout."""

    def __init__(self, command: list[str], revision: str = "2025-11-25", cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
        super().__init__(revision)
        self.command, self.cwd, self.env = command, cwd, env
        self.lock = threading.Lock()

    def connect(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(self.env), cwd=self.cwd)

    def transmit(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        try:
            with self.lock:
                self.process.stdin.write(json.dumps(message).encode() + b"\n")
                self.process.stdin.flush()
        except OSError:
            raise RPCError(0, f"the program ended with {self.process.poll()}") from None

    def incoming(self) -> Iterator[Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield json.loads(line)

    def hang_up(self) -> None:
        """Closes its stdin; the program has to end by itself."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            self.faults.append("the program did not end with its input")
        self.reader.join(5)
        self.process.stdout.close()


class DriverPeer(AnyPeer):
    """An official SDK in a process of its own (clients/driver.py), which serves one test after the other."""

    processes: dict[str, DriverProcess] = {}

    def __init__(self, sdk: int, url: str, mode: str) -> None:
        super().__init__()
        self.sdk, self.url, self.mode = sdk, url, mode

    def open(self) -> None:
        script = f"sdk{self.sdk}_driver.py"
        driver = self.processes.get(script)
        if driver is None or driver.process.poll() is not None:
            self.processes[script] = driver = DriverProcess([str(SDK1_PYTHON) if self.sdk == 1 else sys.executable, str(CLIENTS / script)])
        self.driver = driver
        driver.peer = self
        try:
            self.revision = driver.send(self, op="open", url=self.url, mode=self.mode).result()["revision"]
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        self.driver.end()
        self.processes.pop(f"sdk{self.sdk}_driver.py", None)

    def close(self) -> None:
        try:
            self.driver.send(self, op="close").result()
        except BaseException:
            self.discard()
            raise
        finally:
            self.driver.peer = None

    def start(self, method: str, params: dict[str, Any], progress: bool = False) -> Running:
        return self.driver.send(self, op="request", method=method, params=params, progress=progress)

    def cancel(self, running: Running) -> None:
        self.driver.write({"op": "cancel", "id": running.id})

    def set_level(self, level: str) -> None:
        self.driver.send(self, op="level", value=level).result()

    def subscribe(self, uri: str) -> None:
        self.driver.send(self, op="subscribe", value=uri).result()

    def unsubscribe(self, uri: str) -> None:
        self.driver.send(self, op="unsubscribe", value=uri).result()

    def watch(self) -> None:
        self.driver.send(self, op="watch").result()

    @classmethod
    def end_all(cls) -> None:
        for driver in cls.processes.values():
            driver.end()
        cls.processes.clear()


class DriverProcess:
    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment())
        self.ids = itertools.count(1)
        self.running: dict[int, Running] = {}
        self.peer: DriverPeer | None = None
        threading.Thread(target=self.read, daemon=True).start()

    def write(self, command: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()

    def send(self, peer: DriverPeer, **command: Any) -> Running:
        id = next(self.ids)
        self.running[id] = running = Running(peer, id)
        self.write({"id": id, **command})
        return running

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            if "reply" in said:
                running = self.running.pop(said["reply"])
                running.outcome.put(RPCError(**said["error"]) if "error" in said else said["result"])
            elif "progress" in said and said["progress"] in self.running:
                self.running[said["progress"]].progress.append({key: value for key, value in said["value"].items() if value is not None})
            elif "event" in said and self.peer is not None:
                self.peer.events.append(said["event"])
            elif "question" in said and self.peer is not None:
                self.peer.questions.append(said["question"])
        for running in list(self.running.values()):
            running.outcome.put(RPCError(0, "the SDK's process ended"))

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
