"""What every client of the matrix answers when a server asks it. Each answer is made from the question, so a mix-up shows."""

from __future__ import annotations

from typing import Any

ROOTS = [{"uri": "file:///srv/project", "name": "project"}, {"uri": "file:///srv/other", "name": "other"}]
MODEL = "test-model"

# What a client declares, by the newest thing its revision knows.
CAPABILITIES = {
    "2024-11-05": {"roots": {"listChanged": True}, "sampling": {}},
    "2025-03-26": {"roots": {"listChanged": True}, "sampling": {}},
    "2025-06-18": {"roots": {"listChanged": True}, "sampling": {}, "elicitation": {}},
    "2025-11-25": {"roots": {"listChanged": True}, "sampling": {"tools": {}}, "elicitation": {"form": {}, "url": {}}},
    "2026-07-28": {"roots": {}, "sampling": {"tools": {}}, "elicitation": {"form": {}, "url": {}}},
}


def answer(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    """The result for a server's request; None when there is no such method."""
    if method == "ping":
        return {}
    if method == "roots/list":
        return {"roots": ROOTS}
    if method == "elicitation/create":
        if params.get("mode") == "url":
            return {"action": "accept"}
        return {"action": "accept", "content": {"answer": f"re: {params['message']}"}}
    if method == "sampling/createMessage":
        if params.get("tools"):
            content: Any = [{"type": "tool_use", "id": "use-1", "name": params["tools"][0]["name"], "input": {}}]
            return {"role": "assistant", "model": MODEL, "stopReason": "toolUse", "content": content}
        asked = params["messages"][0]["content"]
        asked = asked[0] if isinstance(asked, list) else asked
        return {"role": "assistant", "model": MODEL, "stopReason": "endTurn", "content": {"type": "text", "text": f"model: {asked['text']}"}}
    return None
