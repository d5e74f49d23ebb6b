#!/usr/bin/env python3
"""Measures mcp-supervisor beside its peers in one run on this machine and checks the thresholds. See README.md.

Exit status: 0 all thresholds hold, 1 a threshold is missed or was not measured, 2 the run itself failed.
"""

import argparse
import json
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from harness import lifecycle, measures, report
from harness.peers import ROOT, Bridge
from harness.process import BenchmarkError, busy_share

#: A part, the metrics it fills, and the peers it can leave out.
PARTS = {
    "load": "load.",
    "latency": "latency.",
    "idle": "idle.",
    "streams": "streams.",
    "growth": "growth.",
    "worker-start": "start.worker.",
    "server-start": "start.supervisor.",
    "query": "query.",
    "broadcast": "broadcast.",
    "together": "together.",
    "respawn": "respawn.",
    "refusal": "refusal.",
}


def parse_arguments():
    release = ROOT.parent / ".build/release"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="short rounds, fewer of them (CI)")
    parser.add_argument("--only", metavar="NAME", action="append", choices=PARTS,
                        help=f"only this part (repeatable): {', '.join(PARTS)}")
    parser.add_argument("--without", metavar="PEER", action="append", default=[], choices=["supervisor", "nginx", "bridge"],
                        help="leave a peer out; its thresholds are then skipped")
    parser.add_argument("--supervisor", metavar="PATH", type=Path, default=release / "mcp-supervisor")
    parser.add_argument("--worker", metavar="PATH", type=Path, default=release / "mcp-worker")
    parser.add_argument("--worker-arguments", metavar="ARGS", default="sql --database sample=sqlite://{sample}",
                        help="arguments of the worker, separated by spaces; {sample} is the path of a sample database")
    parser.add_argument("--report", metavar="PATH", type=Path, default=ROOT / "results/latest.md")
    return parser.parse_args()


def check_tools(arguments):
    """Everything that must exist before anything is measured; says what to do about what does not."""
    subprocess.run(["make", "--silent", "-C", str(ROOT)], check=True)
    if not shutil.which("wrk"):
        raise BenchmarkError("wrk is missing: apt-get install wrk")
    if "nginx" not in arguments.without and not shutil.which("nginx"):
        raise BenchmarkError("nginx is missing: apt-get install nginx-light (or --without nginx)")
    if "bridge" not in arguments.without and not (Bridge.python().parent.parent / ".complete").exists():
        subprocess.run(["make", "--silent", "-C", str(ROOT), "venv"], check=True)
    if "supervisor" not in arguments.without and not arguments.supervisor.exists():
        raise BenchmarkError(f"{arguments.supervisor} is missing: swift build -c release (or --without supervisor)")
    # Ten thousand streams and the processes that hold them need descriptors; children inherit the raised limit.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < 10_500:
        print(f"note: only {hard} descriptors are allowed, so 10,000 streams cannot be opened", file=sys.stderr)


def applies(threshold, arguments) -> bool:
    """Whether this run was asked to measure what the threshold is about."""
    metric = threshold["metric"]
    parts = arguments.only or list(PARTS)
    if not any(metric.startswith(PARTS[part]) for part in parts):
        return False
    if "supervisor" in arguments.without or any(f"/{peer}" in metric for peer in arguments.without):
        return False
    # Some figures belong to one kind of run: `quick` is then its kind.
    return threshold.get("quick", arguments.quick) == arguments.quick


def measure_load(settings, thresholds, metrics):
    load = measures.Load(settings)
    load.measure(metrics, settings.connections)
    missed = sorted({int(t["metric"].split(".")[1]) for t in thresholds
                     if t["metric"].startswith("load.") and report.judge(t, metrics) == "MISS"})
    if missed:  # a busy neighbour can spoil rounds; more of them, pooled with the first, tell noise from a real miss
        print(f"measuring load again at {missed} …", file=sys.stderr, flush=True)
        load.measure(metrics, missed)


def measure(arguments, settings, thresholds, metrics) -> list:
    """Fills `metrics`; returns what failed. A part that fails does not take the others with it."""
    functions = {
        "load": lambda settings, metrics: measure_load(settings, thresholds, metrics), "latency": measures.added_latency,
        "idle": measures.idle_memory, "streams": measures.idle_streams, "growth": measures.growth,
        "worker-start": measures.worker_start, "server-start": measures.server_start, "query": measures.query_view,
        "broadcast": measures.broadcast, "together": measures.together, "respawn": lifecycle.respawn, "refusal": lifecycle.refusal,
    }
    failures = []
    for part in PARTS:
        if part not in (arguments.only or PARTS):
            continue
        print(f"measuring {part} …", file=sys.stderr, flush=True)
        metrics["machine.neighbours"] = max(metrics.get("machine.neighbours", 0), busy_share())
        try:
            functions[part](settings, metrics)
        except (BenchmarkError, subprocess.SubprocessError, OSError) as error:
            failures.append(f"{part}: {error}")
    return failures


def main() -> int:
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # runs the clean-up handlers
    check_tools(arguments)
    thresholds = [t for t in report.load_thresholds(ROOT / "Thresholds") if applies(t, arguments)]
    worker = arguments.worker.resolve() if arguments.worker.exists() else None
    settings = measures.Settings(arguments.quick, arguments.supervisor.resolve(), worker, arguments.worker_arguments.split(),
                                 set(arguments.without))
    metrics = {}
    failures = measure(arguments, settings, thresholds, metrics)
    text = report.report(metrics, thresholds, arguments.quick)
    arguments.report.parent.mkdir(parents=True, exist_ok=True)
    arguments.report.write_text(text)
    arguments.report.with_suffix(".json").write_text(json.dumps(metrics, indent=1, sort_keys=True) + "\n")
    print(text)
    verdicts = [(report.judge(threshold, metrics), threshold) for threshold in thresholds]
    for verdict, threshold in verdicts:
        value = report.shown(metrics.get(threshold["metric"]))
        print(f"{verdict:6} {threshold['name']}: {value} (bound {threshold['comparison']} {threshold['bound']})")
    for failure in failures:
        print(f"bench: {failure}", file=sys.stderr)
    if failures:
        return 2
    return 0 if all(verdict == "ok" for verdict, _ in verdicts) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchmarkError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(2)
