"""The measurements. Each fills `metrics`: flat names, dots between parts, the unit last (rps, us, kib, bytes) or a ratio."""

import contextlib
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from . import messages
from .peers import BUILD, ECHO_WORKER, ROOT, Bridge, CProxy, Nginx, QueryView, Supervisor, started
from .process import BenchmarkError, cpu_ns, memory_kib

TOOL_SECONDS_MAX = 120


class Settings:
    """How long and how often: the whole run, or the short one for CI."""

    def __init__(self, quick, supervisor, worker, worker_arguments, without):
        self.quick = quick
        self.supervisor, self.worker, self.worker_arguments = supervisor, worker, worker_arguments
        self.without = without
        self.rounds = 3 if quick else 9
        self.seconds = 1  # many short rounds: neighbours in time see the same machine
        self.connections = [1, 64] if quick else [1, 16, 64, 256]
        self.latency_calls = 5_000 if quick else 20_000
        self.streams = [10_000] if quick else [1_000, 10_000]
        self.starts = 20 if quick else 100


def tool(*command) -> dict:
    """Runs one of the C tools and returns the JSON object it printed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, timeout=TOOL_SECONDS_MAX, check=False)
    if done.returncode != 0:
        raise BenchmarkError(f"{Path(str(command[0])).name}: {done.stderr.decode(errors='replace').strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def write(directory, name, data) -> Path:
    path = Path(directory) / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def median(values):
    return statistics.median(values)


def own_directory(directory, name) -> Path:
    path = Path(directory) / name
    path.mkdir()
    return path


def server_builders(settings):
    builders = {"supervisor": lambda d: Supervisor(d, settings.supervisor), "proxy": CProxy, "nginx": Nginx, "bridge": Bridge}
    return {name: build for name, build in builders.items() if name not in settings.without}


# ---- throughput, latency under load, CPU per call ----


def load_once(peer, connections, seconds) -> dict:
    """One wrk run. CPU is the difference of the peer's own clock over the run, divided by the calls."""
    fields, body = peer.echo()
    fields_file = write(peer.directory, f"{peer.name}.fields", "".join(f"{n}: {v}\n" for n, v in fields.items()))
    body_file = write(peer.directory, f"{peer.name}.body", body)
    before = cpu_ns(peer.pid)
    # One wrk thread: it outruns everything measured here, and a second one would fight with peer and worker for two cores.
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", ROOT / "harness/load.lua"]
    result = tool(*command, f"http://127.0.0.1:{peer.port}", "--", fields_file, body_file, "numbered" if peer.numbered else "")
    used = cpu_ns(peer.pid) - before
    if result["refused"] or result["broken"] or not result["calls"]:
        raise BenchmarkError(f"{peer.label} at {connections} connections: {result}\n{peer.process.log_tail()}")
    return {"rps": result["calls"] / result["seconds"], "p50_us": result["p50_us"], "p99_us": result["p99_us"],
            "cpu_us": used / 1000 / result["calls"]}


class Load:
    """Rounds of all peers in turn (A B C A B C …). `measure` may be called again: the new rounds are pooled with the old."""

    def __init__(self, settings):
        self.settings = settings
        self.samples = {}  # (connections, peer) → one dict per round

    def measure(self, metrics, connection_counts):
        with tempfile.TemporaryDirectory() as directory:
            with contextlib.ExitStack() as stack:
                peers = [stack.enter_context(started(build(own_directory(directory, name))))
                         for name, build in server_builders(self.settings).items()]
                for peer in peers:
                    load_once(peer, 16, 1)  # warms caches, pools and upstream connections
                for connections in connection_counts:
                    self.rounds(peers, connections)
            for peer in peers:
                if peer.name == "nginx":
                    self.check_upstream(metrics, peer.upstream_counts())
        self.summarise(metrics)

    def rounds(self, peers, connections):
        for number in range(self.settings.rounds):
            # Every second round runs backwards, so that nobody always comes after the same neighbour.
            for peer in peers if number % 2 == 0 else reversed(peers):
                if peer.name == "bridge" and number >= 2:
                    continue  # it is an order of magnitude away: two rounds are plenty
                sample = load_once(peer, connections, self.settings.seconds)
                self.samples.setdefault((connections, peer.name), []).append(sample)

    @staticmethod
    def check_upstream(metrics, counts):
        """Proves that nginx kept its upstream connections: the figures would flatter us otherwise."""
        metrics["load.nginx.upstream_connections"] = counts["accepted"]
        if counts["accepted"] * 50 > counts["answered"]:
            raise BenchmarkError(f"nginx did not keep its upstream connections: {counts}")

    def summarise(self, metrics):
        for (connections, name), rounds in self.samples.items():
            for key in rounds[0]:
                metrics[f"load.{connections}.{name}.{key}"] = median([each[key] for each in rounds])
            ours = self.samples.get((connections, "supervisor"))
            if name == "supervisor" or not ours:
                continue
            for key in ("rps", "p99_us", "cpu_us"):
                # Neighbours in time are compared with each other, then the median of those ratios is taken.
                ratios = [mine[key] / theirs[key] for mine, theirs in zip(ours, rounds) if theirs[key]]
                metrics[f"load.{connections}.{key}.supervisor/{name}"] = median(ratios)


# ---- added latency ----


def added_latency(settings, metrics):
    """One call at a time: through each server, and straight over the worker's pipes."""
    builders = server_builders(settings)
    builders.pop("bridge", None)
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        opening = write(directory, "opening", messages.INITIALIZE + "\n" + messages.INITIALIZED + "\n")
        call = write(directory, "call", messages.modern_echo()[1] + "\n")
        peers, samples = [], {"pipe": []}
        for name, build in builders.items():
            peers.append(stack.enter_context(started(build(own_directory(directory, name)))))
            samples[name] = []
        for _ in range(3 if settings.quick else 5):
            samples["pipe"].append(tool(BUILD / "pipe_latency", settings.latency_calls, opening, call, "--", ECHO_WORKER))
            for peer in peers:
                request = write(peer.directory, "request", messages.raw_request(peer.port, *peer.echo()))
                samples[peer.name].append(tool(BUILD / "http_latency", peer.port, settings.latency_calls, request))
    for name, rounds in samples.items():
        for key in ("p50_us", "p99_us"):
            metrics[f"latency.{name}.{key}"] = median([each[key] for each in rounds])
            if name != "pipe":
                added = [each[key] - straight[key] for each, straight in zip(rounds, samples["pipe"])]
                metrics[f"latency.added.{name}.{key}"] = median(added)


# ---- memory ----


def idle_memory(settings, metrics):
    """A fresh server after its first call: RSS and PSS of the process itself, its worker not included."""
    for name, build in server_builders(settings).items():
        with tempfile.TemporaryDirectory() as directory, started(build(directory)) as peer:
            for key, value in memory_kib(peer.pid).items():
                if value is not None:
                    metrics[f"idle.{name}.{key}_kib"] = value


def stream_requests(peer, kind):
    """What each connection sends before it falls idle, and how far the last answer is awaited."""
    if kind == "keepalive":
        return "event", [messages.raw_request(peer.port, *peer.echo())]
    if kind == "listen":
        return "event", [messages.raw_request(peer.port, messages.modern_fields("subscriptions/listen"), messages.LISTEN)]
    stream = {"Accept": "text/event-stream", "MCP-Protocol-Version": messages.LEGACY, "Mcp-Session-Id": "{session}"}
    session = {**messages.legacy_fields(), "Mcp-Session-Id": "{session}"}
    return "head", [
        messages.raw_request(peer.port, messages.legacy_fields(), messages.INITIALIZE),
        messages.raw_request(peer.port, session, messages.INITIALIZED),
        messages.raw_request(peer.port, stream, "", "GET"),
    ]


@contextlib.contextmanager
def held_streams(peer, kind, count):
    """`count` connections in the given state while the block runs; afterwards proves that the server closed none of them."""
    until, requests = stream_requests(peer, kind)
    files = [write(peer.directory, f"stream-{n}", request) for n, request in enumerate(requests)]
    command = [str(part) for part in (BUILD / "streams", peer.port, count, until, *files)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as holder:
        try:
            opened = holder.stdout.readline()
            if not opened:
                raise BenchmarkError(f"{peer.label}, {kind}: {holder.stderr.read().decode().strip()}\n{peer.process.log_tail()}")
            yield json.loads(opened)
            holder.stdin.close()
            closed = json.loads(holder.stdout.readline())["closed"]
            if closed:
                raise BenchmarkError(f"{peer.label}: closed {closed} of {count} idle {kind} connections")
        finally:
            holder.kill()


def idle_streams(settings, metrics):
    """What one idle stream costs: growth of RSS over N of them. A fresh server each time, so that nothing is reused."""
    builders = server_builders(settings)
    builders.pop("bridge", None)
    for count in settings.streams:
        for name, build in builders.items():
            for kind in ("keepalive", "listen", "session") if name == "supervisor" else ("keepalive",):
                with tempfile.TemporaryDirectory() as directory, started(build(directory)) as peer:
                    before = memory_kib(peer.pid)["rss"]
                    with held_streams(peer, kind, count):
                        after = memory_kib(peer.pid)["rss"]
                metrics[f"streams.{count}.{name}.{kind}.rss_kib"] = after
                metrics[f"streams.{count}.{name}.{kind}.each_bytes"] = (after - before) * 1024 / count
        key = f"streams.{count}.supervisor"
        if f"{key}.session.each_bytes" in metrics:
            record = metrics[f"{key}.session.each_bytes"] - metrics[f"{key}.listen.each_bytes"]
            metrics[f"{key}.session_record.each_bytes"] = record


def growth(settings, metrics):
    """Does a call cost more while 10,000 streams are open? The same process, before and during."""
    if "supervisor" in settings.without:
        return
    with tempfile.TemporaryDirectory() as directory, started(Supervisor(directory, settings.supervisor)) as peer:
        load_once(peer, 64, 1)
        alone = [load_once(peer, 64, settings.seconds)["cpu_us"] for _ in range(3)]
        with held_streams(peer, "listen", 10_000):
            crowded = [load_once(peer, 64, settings.seconds)["cpu_us"] for _ in range(3)]
    metrics["growth.streams.cpu.10000/0"] = median(crowded) / median(alone)


# ---- starting ----


def worker_start(settings, metrics):
    """posix_spawn of the built-in worker to its first answer, and the memory of one and of twenty."""
    together = 20
    commands = {"echo": [ECHO_WORKER]}
    if settings.worker:
        commands["worker"] = [settings.worker, *settings.worker_arguments]
    with tempfile.TemporaryDirectory() as directory:
        opening = write(directory, "opening", messages.INITIALIZE + "\n")
        for name, command in commands.items():
            arguments = [BUILD / "start_latency", "worker", settings.starts, together, opening, "--", *command]
            with subprocess.Popen([str(a) for a in arguments], cwd=directory, env=private_environment(directory),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as holder:
                line = holder.stdout.readline()
                if not line:
                    raise BenchmarkError(f"{name}: {holder.stderr.read().decode().strip()}")
                result = json.loads(line)
                memory = [memory_kib(pid) for pid in result["pids"]]
                holder.stdin.close()
            metrics[f"start.{name}.p50_us"], metrics[f"start.{name}.p99_us"] = result["p50_us"], result["p99_us"]
            metrics[f"start.{name}.rss_kib"] = memory[0]["rss"]
            if all(each["pss"] is not None for each in memory):
                metrics[f"start.{name}.pss_of_20_kib"] = sum(each["pss"] for each in memory) / together


def private_environment(directory):
    return {**os.environ, "HOME": str(directory), "STATE_DIRECTORY": str(directory), "RUNTIME_DIRECTORY": str(directory)}


def server_start(settings, metrics):
    """posix_spawn of a server until GET /ready answers 200, for which its worker must have started too (where it has one)."""
    for name, build in server_builders(settings).items():
        with tempfile.TemporaryDirectory() as directory:
            peer = build(directory)
            peer.prepare()
            try:
                runs = 3 if name == "bridge" else settings.starts
                command = ["server", runs, peer.port, peer.ready_path, "--", *peer.command()]
                result = tool(BUILD / "start_latency", *command)
            finally:
                peer.end()
        metrics[f"start.{name}.p50_us"], metrics[f"start.{name}.p99_us"] = result["p50_us"], result["p99_us"]


# ---- a real query ----


def query_view(settings, metrics):
    """`query_view` with ten rows of the sample database, end to end."""
    if "supervisor" in settings.without:
        return
    with tempfile.TemporaryDirectory() as directory, started(QueryView(directory, settings.supervisor)) as peer:
        load_once(peer, 64, 1)
        rounds = [load_once(peer, 64, settings.seconds) for _ in range(settings.rounds)]
    for key in rounds[0]:
        metrics[f"query.64.{key}"] = median([each[key] for each in rounds])
