"""Blocks of documents that are marked for tests: an HTML comment `<!-- test: name -->` before the fence."""

from __future__ import annotations

import re

BLOCK = re.compile(r"<!-- test: ([\w-]+) -->\s*\n```(\w*)\n(.*?)\n```", re.DOTALL)


def blocks(text: str) -> dict[str, tuple[str, str]]:
    """Name -> (language, contents)."""
    found = BLOCK.findall(text)
    names = [name for name, _, _ in found]
    assert len(names) == len(set(names)), f"a name is used twice: {names}"
    return {name: (language, contents) for name, language, contents in found}


def on_port(text: str, port: int) -> str:
    """The documents say port 8000; tests have one of their own."""
    return text.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("localhost:8000", f"localhost:{port}")
