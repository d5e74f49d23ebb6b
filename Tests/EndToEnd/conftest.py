"""Fixtures. Servers that many tests only read from are started once; every test that changes one starts its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import schema  # noqa: E402
from harness.processes import become_subreaper  # noqa: E402
from harness.supervisor import SDK1_PYTHON, SUPERVISOR, WORKER, Supervisor, python_server  # noqa: E402

NEEDS = {
    "sdk1": (lambda: SDK1_PYTHON.exists(), "no .venv-sdk1: run `make venvs`"),
    "schema": (lambda: schema.folder() is not None, "no folder with the official JSON schemas beside the project"),
    "ipv6": (lambda: os.path.exists("/proc/net/if_inet6") and bool(Path("/proc/net/if_inet6").read_text().strip()), "no IPv6 on this machine"),
}


def pytest_sessionstart(session: pytest.Session) -> None:
    become_subreaper()
    for binary in (SUPERVISOR, WORKER):
        if not binary.exists():
            pytest.exit(f"{binary} is missing: run `make build`", returncode=4)


def pytest_report_header() -> list[str]:
    folder = schema.folder()
    return [f"binaries: {SUPERVISOR.parent}", f"message schemas: {folder or 'not found, messages are not checked against them'}"]


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        available, reason = NEEDS[marker.args[0]]
        if not available():
            pytest.skip(reason)


@pytest.fixture(scope="session")
def sample() -> Iterator[Supervisor]:
    """The supervisor as `make run` starts it: the built-in sql server over the sample database."""
    with Supervisor() as supervisor:
        yield supervisor


@pytest.fixture(scope="session")
def plain() -> Iterator[Supervisor]:
    """A supervisor in front of servers/plain.py."""
    with Supervisor(command=python_server("plain.py")) as supervisor:
        yield supervisor


@pytest.fixture(scope="session")
def sdk2() -> Iterator[Supervisor]:
    """A supervisor in front of a server written with the SDK 2.x."""
    with Supervisor(command=python_server("sdk2_server.py")) as supervisor:
        yield supervisor


@pytest.fixture(scope="session")
def sdk1() -> Iterator[Supervisor]:
    """A supervisor in front of a server written with the SDK 1.x."""
    if not SDK1_PYTHON.exists():
        pytest.skip("no .venv-sdk1: run `make venvs`")
    with Supervisor(command=python_server("sdk1_server.py", sdk=1)) as supervisor:
        yield supervisor
