"""The loop of a program that drives an SDK client on command: one JSON object a line on stdin, and on stdout what comes of it.

    {"op": "open", "id": 1, "url": U, "mode": M}             -> {"reply": 1, "result": {"revision": R}}
    {"op": "request", "id": 2, "method": M, "params": P, "progress": true}
                                                             -> {"progress": 2, "value": …}…, {"reply": 2, "result": …} or {"reply": 2, "error": …}
    {"op": "cancel", "id": 2}                                gives up request 2
    {"op": "level" | "subscribe" | "unsubscribe" | "watch", "id": 3, "value": V}
    {"op": "close", "id": 4}
    {"event": {"method": M, "params": P}}                    a notification of the server
    {"question": {"method": M, "params": P}}                 the server asked something; the answer is that of harness/answers.py
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.answers import answer  # noqa: E402


class RPCError(Exception):
    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, "data": data}


def emit(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def dump(model: Any) -> Any:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def asked(method: str, params: Any) -> dict[str, Any]:
    """Reports a question and gives its answer."""
    given = dump(params) if params is not None else {}
    emit({"question": {"method": method, "params": given}})
    result = answer(method, given)
    assert result is not None
    return result


class Driver:
    """A subclass says how its SDK does each of these."""

    revision = ""

    async def hold(self, command: dict[str, Any], opened: asyncio.Event, closing: asyncio.Event) -> None:
        """Opens the client, sets `self.revision` and `opened`, and closes it when `closing` is set."""
        raise NotImplementedError

    async def request(self, method: str, params: dict[str, Any], on_progress: Any) -> dict[str, Any]:
        raise NotImplementedError

    async def command(self, op: str, value: Any) -> Any:
        raise NotImplementedError

    def __init__(self) -> None:
        self.running: dict[int, asyncio.Task[Any]] = {}
        self.holder: asyncio.Task[Any] | None = None

    async def main(self) -> None:
        loop, lines = asyncio.get_running_loop(), asyncio.Queue[str]()

        def read() -> None:
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, "")

        threading.Thread(target=read, daemon=True).start()
        while line := await lines.get():
            command = json.loads(line)
            if command["op"] == "cancel":
                if task := self.running.get(command["id"]):
                    task.cancel()
            else:
                task = asyncio.create_task(self.carry_out(command))
                self.running[command["id"]] = task
                task.add_done_callback(lambda _, id=command["id"]: self.running.pop(id, None))

    async def carry_out(self, command: dict[str, Any]) -> None:
        id = command["id"]
        try:
            result = await self.dispatch(command)
        except asyncio.CancelledError:
            emit({"reply": id, "error": {"code": 0, "message": "given up"}})
        except RPCError as error:
            emit({"reply": id, "error": error.error})
        except BaseException as error:  # Whatever the SDK raises is this command's outcome.
            emit({"reply": id, "error": {"code": 0, "message": f"{type(error).__name__}: {flat(error)}"}})
        else:
            emit({"reply": id, "result": result})

    async def dispatch(self, command: dict[str, Any]) -> Any:
        if command["op"] == "open":
            opened, self.closing = asyncio.Event(), asyncio.Event()
            self.holder = asyncio.create_task(self.hold(command, opened, self.closing))
            waiting = asyncio.create_task(opened.wait())
            await asyncio.wait({self.holder, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if not opened.is_set():
                await self.holder
                raise RPCError(0, "the client ended before it was open")
            return {"revision": self.revision}
        if command["op"] == "close":
            if self.holder is not None and not self.holder.done():
                self.closing.set()
                await asyncio.wait_for(self.holder, 10)
            return {}
        if command["op"] == "request":
            async def on_progress(value: float, total: float | None, message: str | None) -> None:
                emit({"progress": command["id"], "value": {"progress": value, "total": total, "message": message}})

            return await self.request(command["method"], command["params"], on_progress if command.get("progress") else None)
        return await self.command(command["op"], command.get("value"))


def flat(error: BaseException) -> str:
    inner = getattr(error, "exceptions", None)
    return "; ".join(flat(one) for one in inner) if inner else f"{type(error).__name__}: {error}"
