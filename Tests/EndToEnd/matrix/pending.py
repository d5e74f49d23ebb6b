"""The one place that says which cells of the matrix do not work yet.

A cell listed here must fail: when it passes, its test fails until the cell is taken out. `ALL` stands for every feature. Whoever makes cells
work takes them out here, and nothing else has to change.
"""

from __future__ import annotations

from .features import FEATURES

ALL = frozenset(FEATURES)

# (client, server) -> features
PENDING: dict[tuple[str, str], frozenset[str]] = {
    ("SDK 2 modern", "legacy 2024-11-05"): frozenset({"sampling", "roots", "subscriptions", "completion"}),
    ("SDK 2 legacy", "legacy 2024-11-05"): frozenset({"sampling", "roots", "subscriptions", "completion"}),
    ("SDK 1", "legacy 2024-11-05"): frozenset({"sampling", "roots", "subscriptions", "completion"}),
    ("HTTP+SSE", "legacy 2024-11-05"): ALL,
    ("WebSocket", "legacy 2024-11-05"): ALL,
    ("REST", "legacy 2024-11-05"): ALL,
    ("stdio", "legacy 2024-11-05"): ALL,
    ("SDK 2 modern", "legacy 2025-11-25"): frozenset({
        "elicitation form", "elicitation url", "url required", "sampling", "sampling tools", "roots", "several questions",
        "several rounds", "prompt that asks", "subscriptions",
    }),
    ("SDK 2 legacy", "legacy 2025-11-25"): frozenset({
        "elicitation form", "elicitation url", "sampling", "sampling tools", "roots", "several questions", "several rounds",
        "prompt that asks", "subscriptions",
    }),
    ("SDK 1", "legacy 2025-11-25"): frozenset({
        "elicitation form", "elicitation url", "sampling", "sampling tools", "roots", "several questions", "several rounds",
        "prompt that asks", "subscriptions",
    }),
    ("HTTP+SSE", "legacy 2025-11-25"): ALL,
    ("WebSocket", "legacy 2025-11-25"): ALL,
    ("REST", "legacy 2025-11-25"): ALL,
    ("stdio", "legacy 2025-11-25"): ALL,
    ("SDK 2 modern", "modern"): frozenset({"subscriptions"}),
    ("SDK 2 legacy", "modern"): frozenset({"subscriptions"}),
    ("SDK 1", "modern"): frozenset({"subscriptions"}),
    ("HTTP+SSE", "modern"): frozenset({"subscriptions"}),
    ("WebSocket", "modern"): frozenset({"subscriptions"}),
    ("REST", "modern"): ALL,
    ("stdio", "modern"): frozenset({"subscriptions"}),
    ("SDK 2 modern", "dual"): frozenset({"subscriptions"}),
    ("SDK 2 legacy", "dual"): frozenset({"subscriptions"}),
    ("SDK 1", "dual"): frozenset({"subscriptions"}),
    ("HTTP+SSE", "dual"): frozenset({"subscriptions"}),
    ("WebSocket", "dual"): frozenset({"subscriptions"}),
    ("REST", "dual"): ALL,
    ("stdio", "dual"): frozenset({"subscriptions"}),
}

# The same for test_real_servers.py: clients that do not reach any of them yet.
PENDING_REAL: frozenset[str] = frozenset({"HTTP+SSE", "WebSocket", "REST", "stdio"})


def is_pending(client: str, server: str, feature: str) -> bool:
    listed = PENDING.get((client, server), frozenset())
    assert listed <= ALL, f"({client}, {server}) names unknown features: {sorted(listed - ALL)}"
    return feature in listed
