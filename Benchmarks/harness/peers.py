"""Who is measured: our supervisor, the C proxy, nginx, and the bridge mcp-proxy, each with the cheapest worker it can have."""

import contextlib
import json
import os
from pathlib import Path

from . import messages
from .process import BenchmarkError, Process, children, connect_once, free_port

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
ECHO_WORKER = BUILD / "echo_worker"


class Peer:
    """A server in front of a worker. `name` is how results and thresholds call it; `pid` is the process whose cost counts."""

    name = ""
    label = ""
    ready_path = "/ready"
    #: Whether concurrent calls need ids of their own.
    numbered = False

    def __init__(self, directory):
        self.directory = Path(directory)
        self.port = free_port()
        self.process = None
        self.pid = None

    def command(self) -> list:
        raise NotImplementedError

    def environment(self):
        return {**os.environ, "HOME": str(self.directory)}

    def echo(self):
        """Fields and body of the call that this peer is loaded with."""
        return messages.modern_echo()

    def prepare(self):
        """What must exist before the process starts."""

    def start(self):
        self.prepare()
        self.process = Process(self.command(), self.directory, env=self.environment())
        try:
            self.process.wait_ready(lambda: connect_once(self.port))
            self.pid = self.measured_pid()
            self.process.wait_ready(self.try_call)
        except BaseException:
            self.end()
            raise
        return self

    def measured_pid(self):
        return self.process.pid

    def try_call(self):
        """One call, which must succeed. A 503 means: not ready yet."""
        fields, body = self.echo()
        status, _, answer = messages.post(self.port, fields, body)
        if status == 503:
            raise OSError("503")
        if status != 200 or not answer or "result" not in answer:
            raise BenchmarkError(f"{self.label}: a call was answered {status} {answer}\n{self.process.log_tail()}")

    def end(self):
        if self.process:
            self.process.end()


@contextlib.contextmanager
def started(peer):
    try:
        yield peer.start()
    finally:
        peer.end()


class CProxy(Peer):
    name, label = "proxy", "C proxy (the limit)"

    def command(self):
        return [BUILD / "proxy", self.port, "--", ECHO_WORKER]


class Nginx(Peer):
    name, label = "nginx", "nginx"

    def prepare(self):
        # The same bytes that the echo worker answers, so that everybody carries equally much.
        meta = {f"{messages.META}serverInfo": {"name": "echo", "version": "1.0.0"}}
        result = {"content": [{"type": "text", "text": messages.TEXT}], "resultType": "complete", "_meta": meta}
        answer = self.directory / "answer.json"
        answer.write_text(messages.compact({"jsonrpc": "2.0", "id": 1, "result": result}))
        text = (ROOT / "harness/nginx.conf").read_text()
        self.configuration = self.directory / "nginx.conf"
        self.configuration.write_text(text.replace("@DIRECTORY@", str(self.directory)).replace("@PORT@", str(self.port)))
        socket_path = self.directory / "worker.sock"
        socket_path.unlink(missing_ok=True)
        self.upstream_output = self.directory / "worker.out"
        with open(self.upstream_output, "wb") as output:
            self.upstream = Process([BUILD / "http_worker", socket_path, answer], self.directory, stdout=output)

    def command(self):
        # "user" only matters, and is only legal, for root: the worker process must reach the socket in our private directory.
        user = ["-g", "user root;"] if os.getuid() == 0 else []
        return ["nginx", "-c", self.configuration, "-p", self.directory, *user]

    def measured_pid(self):
        workers = []

        def one_worker():
            workers[:] = children(self.process.pid)
            if not workers:
                raise OSError("no worker process yet")

        self.process.wait_ready(one_worker)
        return workers[0]

    def end(self):
        super().end()
        if getattr(self, "upstream", None):
            self.upstream.end()

    def upstream_counts(self) -> dict:
        """After `end()`: connections accepted and requests answered by the worker behind nginx."""
        return json.loads(self.upstream_output.read_text())


class Bridge(Peer):
    name, label = "bridge", "mcp-proxy (PyPI, uvloop)"
    ready_path = "/status"
    numbered = True

    @staticmethod
    def python() -> Path:
        return ROOT / ".venv/bin/python"

    def command(self):
        options = ["--host", "127.0.0.1", "--port", self.port, "--log-level", "ERROR"]
        return [self.python(), "-I", ROOT / "harness/bridge.py", *options, "--", ECHO_WORKER, "--era", "legacy"]

    def echo(self):
        fields, body = messages.legacy_echo()
        return {**fields, "Mcp-Session-Id": self.session()}, body

    def session(self):
        """Sessions are its faster mode (stateless builds a server per call), so the load runs inside one."""
        if not getattr(self, "_session", None):
            status, session, _ = messages.post(self.port, messages.legacy_fields(), messages.INITIALIZE)
            if status != 200 or not session:
                raise BenchmarkError(f"{self.label}: initialize was answered {status}")
            messages.post(self.port, {**messages.legacy_fields(), "Mcp-Session-Id": session}, messages.INITIALIZED)
            self._session = session
        return self._session


class Supervisor(Peer):
    name, label = "supervisor", "mcp-supervisor"
    #: Further keys of the configuration.
    more: dict = {}

    def __init__(self, directory, binary, server=None):
        super().__init__(directory)
        self.binary = Path(binary)
        # One worker, and room for all 256 connections in it: the default of 16 calls at a time would measure the queue.
        workers = {"max": 1, "warm": 1, "concurrency": 1024}
        self.server = {**(server or {"command": str(ECHO_WORKER)}), "workers": workers}

    def servers(self) -> dict:
        return {"bench": self.server}

    def prepare(self):
        configuration = {
            "listen": [f"127.0.0.1:{self.port}"],
            "mcpServers": self.servers(),
            "defaultServer": next(iter(self.servers())),
            # All checks stay on; only the ceilings that exist to stop a load like this one are raised.
            "limits": {"connections": 15_000, "sessions": 15_000, "requestsPerConnection": 1_000_000, "idleTimeout": "10m"},
            "log": {"level": "warning"},
            **self.more,
        }
        self.configuration = self.directory / f"supervisor-{self.port}.json"
        self.configuration.write_text(json.dumps(configuration))

    def command(self):
        state = self.directory / "state"
        runtime = self.directory / f"runtime-{self.port}"
        state.mkdir(exist_ok=True)
        runtime.mkdir(exist_ok=True)
        return [self.binary, "run", "--config", self.configuration, "--listen", f"127.0.0.1:{self.port}",
                "--state-dir", state, "--runtime-dir", runtime]


class QueryView(Supervisor):
    """The supervisor with its built-in SQL worker over the sample database: a SELECT of ten rows through `query_view`."""

    name, label = "query", "mcp-supervisor, query_view"

    def __init__(self, directory, binary):
        super().__init__(directory, binary, {"builtin": "sql", "databases": {"sample": "sample:"}})
        self._checked = False

    def tool(self, name, arguments):
        status, _, answer = messages.post(self.port, *messages.modern_call(name, arguments))
        if status == 503:
            raise OSError("503")
        result = (answer or {}).get("result", {})
        if status != 200 or "structuredContent" not in result:
            raise BenchmarkError(f"{name}: answered {status} {answer}")
        return result["structuredContent"]

    def echo(self):
        # A plain join: what is measured is the way of a call through worker and engine, not how long an aggregate takes.
        name, arguments = messages.QUERY["name"], messages.QUERY["arguments"]
        if not self._checked:
            rows = len(self.tool(name, arguments)["rows"])
            if rows != 10:
                raise BenchmarkError(f"product_catalog gave {rows} rows, not 10")
            self._checked = True
        return messages.modern_call(name, arguments)


class Respawning(QueryView):
    """The same, whose worker is killed again and again: without the back-off and the circuit, which such a series would meet."""

    name, label = "respawn", "mcp-supervisor, a worker killed under load"
    more = {"restart": {"window": "1ms", "deaths": 1000, "settled": "1ms", "delayMin": "1ms", "delayMax": "1ms", "stable": "1ms",
                        "spawnsPerSecond": 10_000, "spawnBurst": 10_000}}


class Refusing(Supervisor):
    """A server that ends as soon as it is started: after three times the circuit is open."""

    name, label = "refusal", "mcp-supervisor, open circuit"

    def __init__(self, directory, binary):
        super().__init__(directory, binary, {"command": "/bin/false"})

    def try_call(self):
        fields, body = self.echo()
        if messages.post(self.port, fields, body)[0] != 503:
            raise OSError("the circuit is not open yet")


class Together(QueryView):
    """The supervisor with many built-in SQL workers, each a server of its own, over one database file."""

    name, label = "together", "mcp-supervisor, many servers"

    def __init__(self, directory, binary, database, count):
        super().__init__(directory, binary)
        server = {"builtin": "sql", "databases": {"sample": f"sqlite://{database}"}, "workers": {"max": 1, "warm": 1}}
        self.names = {f"s{number:02}": server for number in range(1, count + 1)}

    def servers(self):
        return self.names
