"""The measurements. Each fills `metrics`: flat names, dots between parts, the unit last (rps, us, kib, bytes) or a ratio."""

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from . import messages
from .peers import BUILD, ECHO_WORKER, ROOT, Bridge, CProxy, Nginx, QueryView, Supervisor, Together, started
from .process import BenchmarkError, cpu_ns, descendants, memory_kib

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
        self.kills = 40 if quick else 150
        self.broadcast_streams, self.broadcasts = (1_000, 10) if quick else (10_000, 20)


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
def held_streams(peer, kind, count, *more):
    """`count` connections in the given state while the block runs; afterwards proves that the server closed none of them. The
    block gets a function that reads what the tool prints next; `more` are further arguments of the tool."""
    until, requests = stream_requests(peer, kind)
    files = [write(peer.directory, f"stream-{n}", request) for n, request in enumerate(requests)]
    command = [str(part) for part in (BUILD / "streams", peer.port, count, until, *files, *more)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as holder:
        try:
            def printed():
                line = holder.stdout.readline()
                if not line:
                    reason = holder.stderr.read().decode().strip()
                    raise BenchmarkError(f"{peer.label}, {kind}: {reason}\n{peer.process.log_tail()}")
                return json.loads(line)

            printed()
            yield printed
            holder.stdin.close()
            closed = printed()["closed"]
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


def broadcast(settings, metrics):
    """One change of the tool list to every stream: from the call that makes the worker tell it to the last stream's event."""
    if "supervisor" in settings.without:
        return
    count = settings.broadcast_streams
    with tempfile.TemporaryDirectory() as directory, started(Supervisor(directory, settings.supervisor)) as peer:
        call = messages.modern_call(messages.CHANGE["name"], messages.CHANGE["arguments"])
        request = write(directory, "change", messages.raw_request(peer.port, *call))
        with held_streams(peer, "listen", count, "--", request, settings.broadcasts) as printed:
            before = cpu_ns(peer.pid)
            result = printed()
            used = cpu_ns(peer.pid) - before
    metrics[f"broadcast.{count}.p50_us"], metrics[f"broadcast.{count}.max_us"] = result["p50_us"], result["max_us"]
    metrics[f"broadcast.{count}.cpu_us"] = used / 1000 / settings.broadcasts


# ---- starting ----


def worker_start(settings, metrics):
    """posix_spawn of the built-in worker to its first answer; the memory of one and of twenty, before and after a query."""
    together = 20
    commands, calls = {"echo": [ECHO_WORKER]}, {"echo": messages.legacy("tools/call", messages.ECHO, 1)}
    if settings.worker:
        commands["worker"] = [settings.worker, *settings.worker_arguments]
        calls["worker"] = messages.legacy("tools/call", messages.QUERY, 1)
    with tempfile.TemporaryDirectory() as directory:
        if settings.worker:
            database = sample_database(settings, directory)
            commands["worker"] = [str(part).replace("{sample}", str(database)) for part in commands["worker"]]
        opening = write(directory, "opening", messages.INITIALIZE + "\n")
        for name, command in commands.items():
            arguments = [BUILD / "start_latency", "worker", settings.starts, together, opening, "--", *command]
            with subprocess.Popen([str(a) for a in arguments], cwd=directory, env=private_environment(directory),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as holder:
                result = printed_by(holder, name)
                metrics[f"start.{name}.p50_us"], metrics[f"start.{name}.p99_us"] = result["p50_us"], result["p99_us"]
                memory_of_many(metrics, f"start.{name}", result["pids"])
                holder.stdin.write(f"{messages.INITIALIZED}\n{calls[name]}\n".encode())
                holder.stdin.flush()
                printed_by(holder, name)
                memory_of_many(metrics, f"start.{name}.called", result["pids"])
                holder.stdin.close()


def sample_database(settings, directory) -> Path:
    """A fresh sample database, written by the worker that is measured."""
    path = Path(directory) / "sample.db"
    subprocess.run([settings.worker, "sample", path], check=True, capture_output=True, timeout=TOOL_SECONDS_MAX)
    return path


def printed_by(holder, name) -> dict:
    line = holder.stdout.readline()
    if not line:
        raise BenchmarkError(f"{name}: {holder.stderr.read().decode().strip()}")
    return json.loads(line)


def memory_of_many(metrics, key, pids):
    """RSS of the first and the mean PSS of all, unless the kernel hides it."""
    memory = [memory_kib(pid) for pid in pids]
    metrics[f"{key}.rss_kib"] = memory[0]["rss"]
    if all(each["pss"] is not None for each in memory):
        metrics[f"{key}.pss_of_{len(pids)}_kib"] = sum(each["pss"] for each in memory) / len(pids)


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


# ---- everything together ----


def together(settings, metrics):
    """A supervisor with twenty built-in workers and a connected client at each: PSS of all processes of ours."""
    if "supervisor" in settings.without:
        return
    if not settings.worker:
        raise BenchmarkError("there is no worker to write the sample database")
    count, calls = 20, 5
    fields, body = messages.modern_call(messages.QUERY["name"], messages.QUERY["arguments"])
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        database = sample_database(settings, directory)
        peer = stack.enter_context(started(Together(directory, settings.supervisor, database, count)))
        clients = {}
        for name in peer.names:
            client = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=10)
            clients[name] = stack.enter_context(contextlib.closing(client))
        for _ in range(calls):
            for name, client in clients.items():  # in turn, so that all clients are active at the same time
                peer.process.wait_ready(lambda name=name, client=client: ask(client, f"/servers/{name}/mcp", fields, body))
        workers = descendants(peer.pid)
        memory = {pid: memory_kib(pid)["pss"] for pid in [peer.pid, *workers]}
    if len(workers) < count:
        raise BenchmarkError(f"{len(workers)} workers ran, not {count}")
    if None in memory.values():
        raise BenchmarkError("the kernel hides the PSS of a worker: run as root")
    metrics["together.supervisor.pss_kib"] = memory[peer.pid]
    metrics["together.workers.pss_kib"] = sum(memory[pid] for pid in workers)
    metrics["together.processes"] = len(memory)
    metrics["together.pss_kib"] = sum(memory.values())


def ask(client, path, fields, body):
    """One call that must succeed; a 503 says that the worker is not ready yet."""
    status, _, answer = messages.exchange(client, path, fields, body)
    if status == 503:
        raise OSError("503")
    if status != 200 or len((answer or {}).get("result", {}).get("structuredContent", {}).get("rows", [])) != 10:
        raise BenchmarkError(f"{path} was answered {status} {answer}")
