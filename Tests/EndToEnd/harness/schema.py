"""Checks messages against the official JSON schema of their revision, when that folder lies beside the project."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[3]

RESULTS = {
    "initialize": "InitializeResult",
    "server/discover": "DiscoverResult",
    "ping": "EmptyResult",
    "logging/setLevel": "EmptyResult",
    "tools/list": "ListToolsResult",
    "tools/call": "CallToolResult",
    "prompts/list": "ListPromptsResult",
    "prompts/get": "GetPromptResult",
    "resources/list": "ListResourcesResult",
    "resources/templates/list": "ListResourceTemplatesResult",
    "resources/read": "ReadResourceResult",
    "completion/complete": "CompleteResult",
    "resources/subscribe": "EmptyResult",
    "resources/unsubscribe": "EmptyResult",
    "roots/list": "ListRootsResult",
    "sampling/createMessage": "CreateMessageResult",
    "elicitation/create": "ElicitResult",
    "subscriptions/listen": "SubscriptionsListenResult",
}
REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")


@functools.cache
def folder() -> Path | None:
    named = os.environ.get("MCP_SCHEMA_DIR")
    candidates = [Path(named)] if named else [PROJECT.parent / "shared/mcp-schema", PROJECT.parent.parent / "shared/mcp-schema"]
    return next((path for path in candidates if (path / "2026-07-28.json").is_file()), None)


@functools.cache
def _document(revision: str) -> tuple[dict[str, Any], str]:
    path = folder()
    assert path is not None
    document = json.loads((path / f"{revision}.json").read_text())
    return document, "$defs" if "$defs" in document else "definitions"


@functools.cache
def _methods(revision: str) -> dict[str, str]:
    """The definition of each request and notification, by its method."""
    document, key = _document(revision)
    return {definition["properties"]["method"]["const"]: name for name, definition in document[key].items()
            if "const" in definition.get("properties", {}).get("method", {})}


@functools.cache
def _validator(revision: str, definition: str):
    import jsonschema

    document, key = _document(revision)
    if definition not in document[key]:
        return None
    kind = jsonschema.Draft202012Validator if key == "$defs" else jsonschema.Draft7Validator
    return kind({"$schema": document["$schema"], "$ref": f"#/{key}/{definition}", key: document[key]})


def _check(revision: str, definition: str, value: Any) -> None:
    validator = _validator(revision, definition)
    if validator is None:
        raise AssertionError(f"{revision} has no {definition}: {value}")
    errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in validator.iter_errors(value)]
    assert not errors, f"not a {definition} of {revision}: {errors[:5]}\n{json.dumps(value)[:1000]}"


def check_message(revision: str, message: Any, method: str | None = None) -> None:
    """`method` is that of the request which `message` answers."""
    if folder() is None or revision not in REVISIONS:
        return
    if "method" in message:
        assert message["jsonrpc"] == "2.0"
        _check(revision, "JSONRPCRequest" if "id" in message else "JSONRPCNotification", message)
        definition = _methods(revision).get(message["method"])
        assert definition is not None, f"{revision} has no {message['method']}: {message}"
        assert definition.endswith("Notification") != ("id" in message), f"a {definition} with or without id: {message}"
        _check(revision, definition, message)
    elif "error" in message:
        definition = "JSONRPCErrorResponse" if revision >= "2025-11-25" else "JSONRPCError"
        # The transport allows an error without id when the request could not be read; older schemas do not know that form.
        probe = message if "id" in message or revision >= "2025-11-25" else {**message, "id": 0}
        _check(revision, definition, probe)
    else:
        _check(revision, "JSONRPCResultResponse" if revision >= "2025-11-25" else "JSONRPCResponse", message)
        if revision == "2026-07-28" and message["result"].get("resultType") == "input_required":
            assert method in ("tools/call", "prompts/get", "resources/read"), f"{method} answered with input_required"
            assert "inputRequests" in message["result"] or "requestState" in message["result"]
            _check(revision, "InputRequiredResult", message["result"])
        elif method in RESULTS:
            _check(revision, RESULTS[method], message["result"])
