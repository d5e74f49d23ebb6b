#!/usr/bin/env python3
"""Checks of the benchmark's own parts, without load: `make check`."""

import argparse
import contextlib
import json
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

import bench
from harness import lifecycle, messages, report
from harness.measures import BUILD, tool, write
from harness.peers import ECHO_WORKER, ROOT, CProxy, started


def read_answers(connection, count):
    """Status and body of the next `count` answers; fewer when the connection ends."""
    held, answers = b"", []
    while len(answers) < count:
        head, separator, rest = held.partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0)
        if separator and len(rest) >= length:
            answers.append((int(head.split()[1]), rest[:length]))
            held = rest[length:]
            continue
        more = connection.recv(1 << 20)
        if not more:
            return answers
        held += more
    return answers


class TheCProxyIsAnHonestLimit(unittest.TestCase):
    """It must do the whole job: a limit that skips checks would be unfair to everybody else."""

    @classmethod
    def setUpClass(cls):
        context = contextlib.ExitStack()
        cls.addClassCleanup(context.close)
        cls.directory = context.enter_context(tempfile.TemporaryDirectory())
        cls.proxy = context.enter_context(started(CProxy(cls.directory)))
        cls.fields, cls.body = messages.modern_echo()

    def exchange(self, *pieces, count=1):
        with socket.create_connection(("127.0.0.1", self.proxy.port), timeout=10) as connection:
            for piece in pieces:
                connection.sendall(piece)
            return read_answers(connection, count)

    def request(self, body, **fields):
        return messages.raw_request(self.proxy.port, {**self.fields, **fields}, body)

    def test_a_request_may_arrive_byte_by_byte(self):
        request = self.request(self.body)
        (status, body), = self.exchange(*(request[n:n + 1] for n in range(len(request))))
        self.assertEqual((status, json.loads(body)["result"]["content"][0]["text"]), (200, messages.TEXT))

    def test_pipelined_requests_are_answered_in_order(self):
        requests = b"".join(self.request(self.body.replace('"id":1', f'"id":{n}')) for n in range(40))
        self.assertEqual([json.loads(body)["id"] for _, body in self.exchange(requests, count=40)], list(range(40)))

    def test_ids_come_back_as_they_were_written(self):
        (_, body), = self.exchange(self.request(self.body.replace('"id":1', '"id":"\\u00e4-1"')))
        self.assertIn(b'"id":"\\u00e4-1"', body)

    def test_raw_line_feeds_between_tokens_do_not_split_the_line(self):
        (status, _), = self.exchange(self.request(self.body.replace(',"method"', ',\r\n"method"')))
        self.assertEqual(status, 200)

    def test_large_bodies_pass(self):
        fields, body = messages.modern_call("echo", {"text": "x" * 3_000_000})
        (status, answer), = self.exchange(messages.raw_request(self.proxy.port, fields, body))
        self.assertEqual((status, len(answer) > 3_000_000), (200, True))

    def test_what_is_not_valid_is_refused(self):
        body = self.body
        bad = {
            "a missing brace": body[:-1], "text after the message": body + "x",
            "another version of JSON-RPC": body.replace('"2.0"', '"1.0"'),
            "a lone surrogate": body.replace("quick", "\\ud800"), "a null id": body.replace('"id":1', '"id":null'),
            "a leading zero": body.replace('"id":1', '"id":01'), "a key twice": body.replace('"id":1', '"id":1,"id":2'),
            "another protocol version": body.replace(messages.MODERN, messages.LEGACY),
            "another name": body.replace('"name":"echo"', '"name":"e"'),
            "a raw tab in a string": body.replace("quick", "\t"), "depth": body.replace('"The', "[" * 100 + '"The'),
        }
        for name, message in bad.items():
            with self.subTest(name):
                (status, _), = self.exchange(self.request(message))
                self.assertEqual(status, 400)

    def test_heads_that_are_not_http_are_refused(self):
        request = self.request(self.body)
        bad = {
            400: request.replace(b"\r\n", b"\n"), 403: request.replace(b"Host: 127.0.0.1", b"Host: evil.example"),
            406: self.request(self.body, Accept="text/html"), 415: self.request(self.body, **{"Content-Type": "text/plain"}),
            431: b"A" * 20_000, 501: request.replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nContent-Length"),
        }
        for status, bytes_sent in bad.items():
            with self.subTest(status):
                self.assertEqual([answer[0] for answer in self.exchange(bytes_sent)], [status])


class TheTools(unittest.TestCase):
    def test_pipe_latency_speaks_with_the_echo_worker(self):
        with tempfile.TemporaryDirectory() as directory:
            opening = write(directory, "opening", messages.INITIALIZE + "\n" + messages.INITIALIZED + "\n")
            call = write(directory, "call", messages.modern_echo()[1] + "\n")
            result = tool(BUILD / "pipe_latency", 100, opening, call, "--", ECHO_WORKER)
        self.assertEqual(result["count"], 100)
        self.assertLessEqual(result["p50_us"], result["p99_us"])

    def test_the_echo_worker_tells_a_change_before_it_answers(self):
        calls = [messages.modern_call("change", {})[1], messages.legacy("tools/call", messages.CHANGE, 2)]
        done = subprocess.run([ECHO_WORKER], input="\n".join([*calls, ""]).encode(), capture_output=True, timeout=10, check=True)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        changed = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
        self.assertEqual([told[0], told[2]], [changed, changed])
        self.assertEqual([(told[n]["id"], told[n]["result"]["content"]) for n in (1, 3)], [(1, []), (2, [])])

    def test_start_latency_asks_the_workers_it_holds(self):
        with tempfile.TemporaryDirectory() as directory:
            opening = write(directory, "opening", messages.INITIALIZE + "\n")
            command = [BUILD / "start_latency", "worker", 1, 2, opening, "--", ECHO_WORKER]
            for tool_name, status in (("echo", 0), ("absent", 1)):
                call = messages.legacy("tools/call", {**messages.ECHO, "name": tool_name}, 1)
                done = subprocess.run([str(part) for part in command], input=f"{messages.INITIALIZED}\n{call}\n".encode(),
                                      capture_output=True, timeout=10, check=False)
                self.assertEqual((done.returncode, b'{"answered":2}' in done.stdout), (status, status == 0))

    def test_a_threshold_may_belong_to_one_kind_of_run(self):
        for quick in (False, True):
            run = argparse.Namespace(quick=quick, only=["broadcast"], without=[])
            names = [t["name"] for t in report.load_thresholds(ROOT / "Thresholds") if bench.applies(t, run)]
            self.assertEqual(names, ["broadcast-quick" if quick else "broadcast"])

    def test_a_percentile_is_a_value_that_was_measured(self):
        values = list(range(40, 0, -1))
        found = [lifecycle.percentile(values, share) for share in (50, 90, 99, 100)]
        self.assertEqual(found, [20, 36, 40, 40])
        self.assertEqual(lifecycle.percentile([7], 99), 7)

    def test_every_threshold_belongs_to_a_part(self):
        for threshold in report.load_thresholds(ROOT / "Thresholds"):
            with self.subTest(threshold["name"]):
                self.assertTrue(any(threshold["metric"].startswith(prefix) for prefix in bench.PARTS.values()))

    def test_every_file_is_complete_and_named_after_itself(self):
        for path in (ROOT / "Thresholds").glob("*.json"):
            self.assertEqual(json.loads(path.read_text())["name"], path.stem)
        self.assertTrue(report.load_thresholds(ROOT / "Thresholds"))

    def test_the_verdict_follows_the_comparison(self):
        threshold = {"metric": "m", "comparison": "<=", "bound": 2}
        self.assertEqual([report.judge(threshold, metrics) for metrics in ({"m": 2}, {"m": 2.1}, {})], ["ok", "MISS", "absent"])


if __name__ == "__main__":
    unittest.main()
