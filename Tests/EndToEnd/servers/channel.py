"""What every fixture server shares below the protocol: lines on stdin and stdout, a trace of them, and misbehaviour on command.

--probe HOW            a legacy server's reaction to `server/discover` before `initialize`: error (default), exit, silence
--one-initialize       ends with code 3 at a second `initialize` (which is always counted and refused)
--garbage              writes lines that are no messages to stdout: before anything else, and before every answer
--start-delay SECONDS  says and hears nothing at first
--stderr BYTES         writes that much to stderr at the start and a line at every message
--die-on-call K        ends with code 4 instead of answering the K-th tools/call
--die-at-start FILE    ends with code 5 at once, as long as FILE exists
--duplicate-answers    gives every answer twice
--stray-answers        gives an answer to a request that nobody made, before every true one
--pad BYTES            makes every answer that many bytes longer
--ask-anyway           asks the client for what it has not declared
--ignore-cancel        goes on with a call that was cancelled, and answers it
--trace DIR            writes every line, in and out, to DIR/<pid>.jsonl
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any


def parse_arguments(*positional: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in positional:
        parser.add_argument(name)
    parser.add_argument("--probe", choices=("error", "exit", "silence"), default="error")
    for flag in ("--one-initialize", "--garbage", "--duplicate-answers", "--stray-answers", "--ask-anyway", "--ignore-cancel"):
        parser.add_argument(flag, action="store_true")
    for number in ("--stderr", "--die-on-call", "--pad"):
        parser.add_argument(number, type=int, default=0)
    parser.add_argument("--start-delay", type=float, default=0)
    parser.add_argument("--die-at-start")
    parser.add_argument("--trace")
    return parser.parse_args()


class Channel:
    """stdin and stdout as messages. Writing is safe from any thread."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.lock = threading.Lock()
        self.trace = open(os.path.join(options.trace, f"{os.getpid()}.jsonl"), "a", buffering=1) if options.trace else None
        if options.die_at_start and os.path.exists(options.die_at_start):
            os._exit(5)
        if options.stderr:
            print("noise " * (options.stderr // 6), file=sys.stderr, flush=True)
        if options.start_delay:
            time.sleep(options.start_delay)  # This is the misbehaviour itself.
        if options.garbage:
            self._raw(b"Starting up, please wait...\n\n{not json\n\xff\xfe\n")

    def _raw(self, data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def _record(self, direction: str, message: Any) -> None:
        if self.trace is not None:
            self.trace.write(json.dumps({"direction": direction, "message": message}) + "\n")

    def messages(self) -> Iterator[dict[str, Any]]:
        for line in sys.stdin.buffer:
            if not line.strip():
                continue
            message = json.loads(line)
            with self.lock:
                self._record("in", message)
            if self.options.stderr:
                print(f"got {message.get('method')}", file=sys.stderr, flush=True)
            yield message

    def send(self, message: dict[str, Any]) -> None:
        message = {"jsonrpc": "2.0", **message}
        is_answer = "method" not in message
        if is_answer and self.options.pad and "result" in message:
            meta = {**message["result"].get("_meta", {}), "test.fixture/pad": "x" * self.options.pad}
            message = {**message, "result": {**message["result"], "_meta": meta}}
        data = json.dumps(message, ensure_ascii=False).encode() + b"\n"
        with self.lock:
            if is_answer and self.options.garbage:
                self._raw(b"debug: about to answer\n")
            if is_answer and self.options.stray_answers:
                self._raw(b'{"jsonrpc":"2.0","id":987654321,"result":{"content":[{"type":"text","text":"stray"}]}}\n')
            self._raw(data * 2 if is_answer and self.options.duplicate_answers else data)
            self._record("out", message)

    def result(self, id: Any, result: dict[str, Any]) -> None:
        self.send({"id": id, "result": result})

    def error(self, id: Any, code: int, message: str, data: Any = None) -> None:
        self.send({"id": id, "error": {"code": code, "message": message, **({} if data is None else {"data": data})}})

    def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        self.send({"method": method, **({} if params is None else {"params": params})})
