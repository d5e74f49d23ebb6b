"""The lines that a fixture server got and sent, checked against the schema of what the two have agreed on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import schema

META = "io.modelcontextprotocol/"


def revision_of(method: str | None, params: dict[str, Any], agreed: str | None) -> str | None:
    claimed = (params.get("_meta") or {}).get(META + "protocolVersion")
    if claimed in schema.REVISIONS:
        return claimed
    return params.get("protocolVersion") if method == "initialize" else agreed


class Trace:
    """One process's trace. `check` looks at what has come since the last time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read = 0
        self.agreed: str | None = None
        self.asked: dict[tuple[str, Any], tuple[str | None, str | None]] = {}

    def check(self) -> int:
        """Returns how many messages there were."""
        with open(self.path, "rb") as file:
            file.seek(self.read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.read += len(whole)
        for line in whole.splitlines():
            entry = json.loads(line)
            self.check_entry(entry["direction"], entry["message"])
        return whole.count(b"\n")

    def check_entry(self, direction: str, message: dict[str, Any]) -> None:
        other = "out" if direction == "in" else "in"
        if "method" in message:
            revision = revision_of(message["method"], message.get("params") or {}, self.agreed)
            if "id" in message:
                assert (direction, message["id"]) not in self.asked, f"{self.path}: the id of {message} is in use"
                self.asked[direction, message["id"]] = (message["method"], revision)
            schema.check_message(revision or schema.REVISIONS[-1], message)
            self.agreed = self.agreed or revision
        else:
            method, revision = self.asked.pop((other, message["id"]), (None, None))
            if direction == "in":
                assert method is not None, f"{self.path}: the server was sent an answer to nothing: {message}"
            if method == "initialize" and "result" in message:
                revision = self.agreed = message["result"]["protocolVersion"]
            schema.check_message(revision or self.agreed or schema.REVISIONS[-1], message, method)


class Traces:
    """All traces of a directory, also those that come later."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.known: dict[Path, Trace] = {}

    def check(self) -> int:
        count = 0
        for path in sorted(self.directory.glob("*.jsonl")):
            trace = self.known.setdefault(path, Trace(path))
            count += trace.check()
        return count


def check_all(directory: Path) -> int:
    return Traces(directory).check()
