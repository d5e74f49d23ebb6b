"""Thresholds and the Markdown report."""

import json
import operator
import os
import platform
from pathlib import Path

COMPARISONS = {"<=": operator.le, ">=": operator.ge}


def load_thresholds(directory) -> list:
    found = []
    for path in sorted(Path(directory).glob("*.json")):
        threshold = json.loads(path.read_text())
        missing = {"name", "metric", "comparison", "bound", "reason"} - threshold.keys()
        if missing or threshold["comparison"] not in COMPARISONS:
            raise ValueError(f"{path.name}: lacks {sorted(missing)} or compares with something else than <= and >=")
        found.append(threshold)
    return found


def judge(threshold, metrics) -> str:
    """ok, MISS, or absent."""
    if threshold["metric"] not in metrics:
        return "absent"
    return "ok" if COMPARISONS[threshold["comparison"]](metrics[threshold["metric"]], threshold["bound"]) else "MISS"


def shown(value) -> str:
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(head, rows) -> list:
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in rows), ""]


NAMES = {
    "supervisor": "**mcp-supervisor**",
    "proxy": "C proxy (the limit)",
    "nginx": "nginx",
    "bridge": "mcp-proxy (PyPI, uvloop)",
    "worker": "**mcp-worker sql**",
    "echo": "C echo worker",
    "pipe": "straight to the worker's pipe",
}


def machine() -> str:
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} × {model}, Linux {platform.release()}, load average {os.getloadavg()[0]:.2f} at the end"


def report(metrics, thresholds, quick) -> str:
    def get(key):
        return shown(metrics.get(key))

    def has(prefix):
        return any(key.startswith(prefix) for key in metrics)

    def peers_with(pattern):
        return [name for name in NAMES if has(pattern.format(name))]

    lines = ["# Benchmark results", "", f"{machine()}.{' Quick run.' if quick else ''} Medians; one run, all side by side."]
    lines += [f"Between the parts, other processes used up to {metrics.get('machine.neighbours', 0):.0%} of the machine.", ""]
    counts = sorted({int(key.split(".")[1]) for key in metrics if key.startswith("load.") and key.split(".")[1].isdigit()})
    for connections in counts:
        lines += [f"## {connections} connection{'s' if connections > 1 else ''}", ""]
        rows = [[NAMES[n], *(get(f"load.{connections}.{n}.{k}") for k in ("rps", "p50_us", "p99_us", "cpu_us")),
                 get(f"load.{connections}.rps.supervisor/{n}"), get(f"load.{connections}.cpu_us.supervisor/{n}")]
                for n in peers_with(f"load.{connections}.{{}}.")]
        lines += table(["", "calls/s", "p50 µs", "p99 µs", "CPU µs/call", "our calls/s ÷ its", "our CPU ÷ its"], rows)
    if has("load.nginx."):
        lines += [f"nginx opened {get('load.nginx.upstream_connections')} connections to its worker in all of these rounds.", ""]
    if has("latency."):
        lines += ["## One call at a time", ""]
        rows = [[NAMES[n], *(get(f"latency.{who}.{k}") for who in (n, f"added.{n}") for k in ("p50_us", "p99_us"))]
                for n in peers_with("latency.{}.")]
        lines += table(["", "p50 µs", "p99 µs", "added p50 µs", "added p99 µs"], rows)
    if has("idle."):
        lines += ["## Memory when idle", ""]
        rows = [[NAMES[n], get(f"idle.{n}.rss_kib"), get(f"idle.{n}.pss_kib")] for n in peers_with("idle.{}.")]
        lines += table(["", "RSS KiB", "PSS KiB"], rows)
    if has("streams."):
        lines += ["## Idle connections and streams", ""]
        parts = {tuple(key.split(".")[1:4]) for key in metrics if key.startswith("streams.")}
        keys = sorted(parts, key=lambda part: (int(part[0]), *part[1:]))
        rows = [[NAMES[n], kind.replace("_", " "), f"{int(count):,}", get(f"streams.{count}.{n}.{kind}.rss_kib"),
                 get(f"streams.{count}.{n}.{kind}.each_bytes")] for count, n, kind in keys]
        lines += table(["", "kind", "open", "RSS KiB", "bytes each"], rows)
    if has("start."):
        lines += ["## Starting", ""]
        rows = [[NAMES[n], *(get(f"start.{n}.{k}") for k in ("p50_us", "p99_us", "rss_kib", "pss_of_20_kib"))]
                for n in peers_with("start.{}.")]
        lines += table(["", "p50 µs", "p99 µs", "RSS KiB", "PSS KiB, each of 20"], rows)
        rows = [[NAMES[n], get(f"start.{n}.called.rss_kib"), get(f"start.{n}.called.pss_of_20_kib")]
                for n in peers_with("start.{}.called.")]
        lines += table(["after one call (ten rows of `query_view`)", "RSS KiB", "PSS KiB, each of 20"], rows) if rows else []
    if has("broadcast."):
        lines += ["## One event to all streams", ""]
        counts = sorted({int(key.split(".")[1]) for key in metrics if key.startswith("broadcast.")})
        rows = [[f"{count:,}", *(get(f"broadcast.{count}.{k}") for k in ("p50_us", "max_us", "cpu_us"))] for count in counts]
        lines += table(["streams", "call to last stream, p50 µs", "worst µs", "CPU µs of ours, each"], rows)
    if has("together."):
        lines += ["## A supervisor, 20 built-in workers, 20 active clients", ""]
        row = [get(f"together.{k}") for k in ("supervisor.pss_kib", "workers.pss_kib", "pss_kib")]
        lines += table(["supervisor, PSS KiB", "workers, PSS KiB", "together, PSS KiB"], [row])
    if has("respawn."):
        lines += ["## A worker killed under load", ""]
        counts = sorted({int(key.split(".")[1]) for key in metrics if key.startswith("respawn.")})
        rows = [[str(count), *(get(f"respawn.{count}.{k}") for k in ("kills", "p50_us", "p90_us", "p99_us", "max_us"))] for count in counts]
        lines += table(["clients", "kills", "kill to next answer, p50 µs", "p90 µs", "p99 µs", "worst µs"], rows)
    if has("refusal."):
        lines += ["## A server that keeps dying", ""]
        lines += table(["503 after, p50 µs", "p99 µs"], [[get("refusal.p50_us"), get("refusal.p99_us")]])
    if has("query."):
        lines += ["## `query_view`, ten rows, 64 connections", ""]
        row = [get(f"query.64.{k}") for k in ("rps", "p50_us", "p99_us", "cpu_us")]
        lines += table(["calls/s", "p50 µs", "p99 µs", "CPU µs/call"], [row])
    lines += ["## Thresholds", ""]
    rows = [[judge(t, metrics), t["name"], get(t["metric"]), f"{t['comparison']} {shown(t['bound'])}", goal(t, metrics)]
            for t in thresholds]
    lines += table(["", "what", "measured", "bound", "goal"], rows)
    return "\n".join(lines)


def goal(threshold, metrics) -> str:
    """Some bounds have a stricter goal behind them, which is shown and never fails a run."""
    if "goal" not in threshold:
        return ""
    reached = judge({**threshold, "bound": threshold["goal"]}, metrics) == "ok"
    return f"{threshold['comparison']} {shown(threshold['goal'])}{' reached' if reached else ''}"
