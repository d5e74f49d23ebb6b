"""The one place that says which cells of the matrix do not work yet.

A cell listed here must fail: when it passes, its test fails until the cell is taken out. `ALL` stands for every feature. Whoever makes cells
work takes them out here, and nothing else has to change.
"""

from __future__ import annotations

from .features import FEATURES

ALL = frozenset(FEATURES)

# (client, server) -> features
PENDING: dict[tuple[str, str], frozenset[str]] = {
    ("SDK 2 modern", "legacy 2024-11-05"): frozenset({"subscriptions", "completion"}),
    ("SDK 2 legacy", "legacy 2024-11-05"): frozenset({"subscriptions", "completion"}),
    ("SDK 1", "legacy 2024-11-05"): frozenset({"subscriptions", "completion"}),
    ("HTTP+SSE", "legacy 2024-11-05"): frozenset({"subscriptions", "completion"}),
    ("WebSocket", "legacy 2024-11-05"): frozenset({"subscriptions", "completion"}),
    ("REST", "legacy 2024-11-05"): ALL,
    ("stdio", "legacy 2024-11-05"): frozenset({"subscriptions", "completion"}),
    ("SDK 2 modern", "legacy 2025-11-25"): frozenset({"subscriptions"}),
    ("SDK 2 legacy", "legacy 2025-11-25"): frozenset({"subscriptions"}),
    ("SDK 1", "legacy 2025-11-25"): frozenset({"subscriptions"}),
    ("HTTP+SSE", "legacy 2025-11-25"): frozenset({"url required", "subscriptions"}),
    ("WebSocket", "legacy 2025-11-25"): frozenset({"subscriptions"}),
    ("REST", "legacy 2025-11-25"): ALL,
    ("stdio", "legacy 2025-11-25"): frozenset({"subscriptions"}),
    ("SDK 2 modern", "modern"): ALL,
    ("SDK 2 legacy", "modern"): ALL,
    ("SDK 1", "modern"): ALL,
    ("HTTP+SSE", "modern"): ALL,
    ("WebSocket", "modern"): ALL,
    ("REST", "modern"): ALL,
    ("stdio", "modern"): ALL,
    ("SDK 2 modern", "dual"): frozenset({"subscriptions"}),
    ("SDK 2 legacy", "dual"): frozenset({"subscriptions"}),
    ("SDK 1", "dual"): frozenset({"subscriptions"}),
    ("HTTP+SSE", "dual"): frozenset({"url required", "subscriptions"}),
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
