"""What the README tells people to type works. Blocks are marked: an HTML comment `<!-- test: name -->` before the fence."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.supervisor import PROJECT, Supervisor

README = PROJECT / "README.md"
BLOCK = re.compile(r"<!-- test: ([\w-]+) -->\s*\n```(\w*)\n(.*?)\n```", re.DOTALL)


def blocks(text: str) -> dict[str, tuple[str, str]]:
    """Name -> (language, contents)."""
    return {name: (language, contents) for name, language, contents in BLOCK.findall(text)}


def test_the_extractor_finds_marked_blocks_only() -> None:
    text = "a\n```sh\nno\n```\n<!-- test: one -->\n```sh\nyes\n  and more\n```\n<!-- test: two -->\n\n```python\nprint(1)\n```\n"
    assert blocks(text) == {"one": ("sh", "yes\n  and more"), "two": ("python", "print(1)")}


@pytest.fixture
def readme() -> dict[str, tuple[str, str]]:
    if not README.exists():
        pytest.skip("no README.md yet")
    return blocks(README.read_text())


def block(readme: dict[str, tuple[str, str]], name: str, port: int) -> str:
    assert name in readme, f"README.md has no block marked `<!-- test: {name} -->`; found {sorted(readme)}"
    return readme[name][1].replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("localhost:8000", f"localhost:{port}")


def test_the_curl_line(readme: dict[str, tuple[str, str]], sample: Supervisor) -> None:
    done = subprocess.run(["bash", "-euc", block(readme, "curl", sample.port)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert '"result"' in done.stdout and "query_view" in done.stdout


def test_the_sdk_script(readme: dict[str, tuple[str, str]], sample: Supervisor, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(block(readme, "sdk", sample.port))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "execute_query" in done.stdout and "|" in done.stdout, done.stdout


def test_the_line_that_run_prints(sample: Supervisor) -> None:
    printed: Callable[[], str] = sample.log
    lines = [line.strip() for line in printed().replace("\\\n", " ").splitlines()]
    (command,) = [line[line.index("curl "):] for line in lines if "curl " in line][:1]
    done = subprocess.run(["bash", "-euc", command], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, (command, done.stderr)
    assert "tools" in done.stdout or "result" in done.stdout, done.stdout
