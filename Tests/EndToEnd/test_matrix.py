"""Every client with every server, feature by feature.

A cell is one test. What it expects stands in the tables of docs/bridging.md; which cells do not work yet stands in matrix/pending.py.
Supervisors are shared by the cells of one server; after a cell that failed a new one is started, so that no cell inherits another's trouble.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import traces
from harness.peers import DriverPeer
from harness.relay import Relay
from harness.supervisor import Supervisor
from matrix.features import FEATURES
from matrix.pairs import CLIENTS, NETWORK, WORKERS, Front, answers, stdio_client, workers
from matrix.pending import PENDING, is_pending


class Behind:
    """A server of the matrix and the supervisor in front of it, which is started when first needed, and anew after trouble."""

    def __init__(self, name: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="mcp-matrix-"))
        (self.worker,) = [worker for worker in workers(self.directory) if worker.name == name]
        self.traces = traces.Traces(self.directory)
        self.supervisor: Supervisor | None = None
        self.failure: str | None = None

    def running(self) -> Front:
        # A supervisor that cannot serve this server at all is tried once, not once a cell.
        assert self.failure is None, self.failure
        if self.supervisor is None:
            self.relay = Relay()
            try:
                hosts = ["auto", f"127.0.0.1:{self.relay.port}"]
                self.supervisor = Supervisor(command=self.worker.command, config={"hosts": hosts}, start_within=8)
            except AssertionError as error:
                self.relay.close()
                self.failure = str(error)
                raise
            self.relay.target = self.supervisor.port
        return Front(self.supervisor.port, self.relay.url)

    def stop(self, gently: bool) -> None:
        supervisor, self.supervisor = self.supervisor, None
        if supervisor is None:
            return
        self.relay.close()
        if gently:
            with supervisor:
                pass
        else:
            supervisor.abandon()


@pytest.fixture(scope="module")
def behind() -> Iterator[dict[str, Behind]]:
    found = {name: Behind(name) for name in WORKERS}
    try:
        yield found
        for one in found.values():
            one.stop(gently=True)
            one.traces.check()
    finally:
        for one in found.values():
            one.stop(gently=False)
            shutil.rmtree(one.directory, ignore_errors=True)
        DriverPeer.end_all()


def cells() -> Iterator[object]:
    for server in WORKERS:
        for client in CLIENTS:
            for feature in FEATURES:
                marks = [pytest.mark.xfail(strict=True, reason="pending")] if is_pending(client, server, feature) else []
                if client == "SDK 1":
                    marks.append(pytest.mark.needs("sdk1"))
                yield pytest.param(client, server, feature, id=f"{client} on {server}: {feature}".replace(" ", "_"), marks=marks)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("client, server, feature", list(cells()))
def test_cell(behind: dict[str, Behind], tmp_path: Path, client: str, server: str, feature: str) -> None:
    one, opened = behind[server], False
    try:
        peer = stdio_client(one.worker, tmp_path) if client == "stdio" else NETWORK[client](one.running(), feature)
        with peer:
            opened = True
            FEATURES[feature](peer, one.worker, answers()[client, server, feature])
        # What the supervisor said to the server and the server to it, in this cell; and to a client whose SDK keeps it to itself.
        one.traces.check()
        if isinstance(peer, DriverPeer):
            assert one.relay.check() > 1
        if feature == "cancellation":
            # For 5 s after a cancelled call log lines are held back (docs/adr/0032); the next client is not to meet that.
            one.stop(gently=True)
    except BaseException:
        if not opened:
            raise  # Nothing has reached the server.
        one.stop(gently=False)
        one.traces = traces.Traces(one.directory)
        for path in one.directory.glob("*.jsonl"):
            path.unlink()
        raise


def test_pending_cells_are_cells() -> None:
    unknown = [pair for pair in PENDING if pair[0] not in CLIENTS or pair[1] not in WORKERS]
    assert not unknown and all(is_pending(*pair, feature) in (True, False) for pair in PENDING for feature in FEATURES)


def test_the_tables_of_the_document_name_every_cell() -> None:
    assert len(answers()) == len(CLIENTS) * len(WORKERS) * len(FEATURES)
