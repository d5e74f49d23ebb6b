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


def check(path: Path) -> int:
    """Checks one process's trace; returns how many messages it had."""
    agreed: str | None = None
    asked: dict[tuple[str, Any], tuple[str | None, str | None]] = {}
    count = 0
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        direction, message = entry["direction"], entry["message"]
        other = "out" if direction == "in" else "in"
        count += 1
        if "method" in message:
            revision = revision_of(message["method"], message.get("params") or {}, agreed)
            if "id" in message:
                assert (direction, message["id"]) not in asked, f"{path}: the id of {message} is in use"
                asked[direction, message["id"]] = (message["method"], revision)
            schema.check_message(revision or agreed or schema.REVISIONS[-1], message)
            agreed = agreed or revision
        else:
            method, revision = asked.pop((other, message["id"]), (None, None))
            if direction == "in":
                assert method is not None, f"{path}: the server was sent an answer to nothing: {message}"
            if method == "initialize" and "result" in message:
                revision = agreed = message["result"]["protocolVersion"]
            schema.check_message(revision or agreed or schema.REVISIONS[-1], message, method)
    return count


def check_all(directory: Path) -> int:
    return sum(check(path) for path in sorted(directory.glob("*.jsonl")))
