"""The one place that says which cells of the matrix do not work yet.

A cell listed here must fail: when it passes, its test fails until the cell is taken out. `ALL` stands for every feature. Whoever makes cells
work takes them out here, and nothing else has to change.
"""

from __future__ import annotations

from .features import FEATURES

ALL = frozenset(FEATURES)

# (client, server) -> features
PENDING: dict[tuple[str, str], frozenset[str]] = {
    ("REST", "legacy 2024-11-05"): frozenset({"subscriptions"}),
    ("REST", "legacy 2025-11-25"): frozenset({"url required", "subscriptions"}),
    ("REST", "modern"): frozenset({"subscriptions"}),
    ("REST", "dual"): frozenset({"subscriptions"}),
}

# The same for test_real_servers.py: clients that do not reach any of them yet.
PENDING_REAL: frozenset[str] = frozenset()


def is_pending(client: str, server: str, feature: str) -> bool:
    listed = PENDING.get((client, server), frozenset())
    assert listed <= ALL, f"({client}, {server}) names unknown features: {sorted(listed - ALL)}"
    return feature in listed
