"""A stdio server of the standard library alone: it starts fast and can misbehave on command.

    plain.py [--stubborn] [--exit-at-start CODE] [--silent] [--chatty] [--fixed-answers]

--stubborn         ignores SIGTERM and the end of its input
--exit-at-start N  ends with code N before saying anything
--silent           never answers
--chatty           writes lines that are not MCP, and a lot on stderr
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

stubborn = "--stubborn" in sys.argv
lock = threading.Lock()
cancelled: dict[object, threading.Event] = {}
calls: list[threading.Thread] = []
history: list[str] = []

TOOLS = [
    {"name": "echo", "description": "Gives back its arguments.", "inputSchema": {"type": "object"}},
    {"name": "slow", "description": "Answers after `seconds`.",
     "inputSchema": {"type": "object", "properties": {"seconds": {"type": "number"}}, "required": ["seconds"]}},
    {"name": "steps", "description": "Reports `count` steps under the caller's token, each with `nonce`.",
     "inputSchema": {"type": "object", "properties": {"count": {"type": "integer"}, "nonce": {"type": "string"}}}},
    {"name": "spawn", "description": "Starts a child in its own session and gives its pid.", "inputSchema": {"type": "object"}},
    {"name": "die", "description": "Ends the process.", "inputSchema": {"type": "object", "properties": {"code": {"type": "integer"}}}},
    {"name": "torn", "description": "Writes half an answer and ends.", "inputSchema": {"type": "object"}},
    {"name": "large", "description": "Gives `bytes` letters.", "inputSchema": {"type": "object", "properties": {"bytes": {"type": "integer"}}}},
    {"name": "stray", "description": "Answers `count` requests that nobody made.",
     "inputSchema": {"type": "object", "properties": {"count": {"type": "integer"}}}},
    {"name": "past", "description": "What slow calls have lived through.", "inputSchema": {"type": "object"}},
    {"name": "change", "description": "Says that the list of tools has changed, before it answers.", "inputSchema": {"type": "object"}},
    {"name": "say", "description": "Writes `error` (hexadecimal) to stderr and sends `log` as a log message.",
     "inputSchema": {"type": "object", "properties": {"error": {"type": "string"}, "log": {"type": "string"}}}},
    {"name": "environment", "description": "The names and values of the environment.", "inputSchema": {"type": "object"}},
    {"name": "descriptors", "description": "The open descriptors and what they are.", "inputSchema": {"type": "object"}},
]


def write(message: dict) -> None:
    data = json.dumps(message, ensure_ascii=False).encode() + b"\n"
    with lock:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def text(value: object) -> dict:
    return {"content": [{"type": "text", "text": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}]}


def descriptors() -> list:
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append([int(name), os.readlink(f"/proc/self/fd/{name}")])
        except OSError:
            continue
    return sorted(found)


def call(id: object, params: dict) -> None:
    name, arguments = params["name"], params.get("arguments") or {}
    token = (params.get("_meta") or {}).get("progressToken")
    stop = cancelled[id]
    if name == "echo":
        result = text({"arguments": arguments, "meta": params.get("_meta")})
    elif name == "slow":
        history.append(f"started {arguments.get('name')}")
        if stop.wait(arguments["seconds"]):
            history.append(f"cancelled {arguments.get('name')}")
            return
        history.append(f"finished {arguments.get('name')}")
        result = text({"slept": arguments["seconds"], "nonce": arguments.get("nonce")})
    elif name == "steps":
        for step in range(arguments["count"]):
            if token is not None:
                write({"jsonrpc": "2.0", "method": "notifications/progress",
                       "params": {"progressToken": token, "progress": step + 1, "total": arguments["count"], "message": arguments["nonce"]}})
        result = text({"nonce": arguments["nonce"]})
    elif name == "spawn":
        child = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=bool(arguments.get("session")))
        result = text(str(child.pid))
    elif name == "die":
        os._exit(arguments.get("code", 1))
    elif name == "torn":
        with lock:
            sys.stdout.buffer.write(b'{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"te' % json.dumps(id).encode())
            sys.stdout.buffer.flush()
            os._exit(1)
    elif name == "stray":
        for number in range(arguments["count"]):
            write({"jsonrpc": "2.0", "id": 10**12 + number, "result": text("nobody asked")})
        result = text("done")
    elif name == "large":
        result = text("x" * arguments["bytes"])
    elif name == "past":
        result = text(history)
    elif name == "change":
        write({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        result = text("changed")
    elif name == "say":
        if "error" in arguments:
            sys.stderr.buffer.write(bytes.fromhex(arguments["error"]))
            sys.stderr.buffer.flush()
        if "log" in arguments:
            write({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "error", "logger": arguments["log"], "data": arguments["log"]}})
        result = text("said")
    elif name == "environment":
        result = text(dict(os.environ))
    elif name == "descriptors":
        result = text(descriptors())
    else:
        write({"jsonrpc": "2.0", "id": id, "error": {"code": -32602, "message": f"Unknown tool: {name}"}})
        return
    write({"jsonrpc": "2.0", "id": id, "result": result})


def handle(message: dict) -> None:
    method, id, params = message.get("method"), message.get("id"), message.get("params") or {}
    if method == "notifications/cancelled":
        if event := cancelled.get(params.get("requestId")):
            event.set()
    elif id is None:
        pass
    elif method == "initialize":
        version = params["protocolVersion"]
        write({"jsonrpc": "2.0", "id": id, "result": {
            "protocolVersion": version if version <= "2025-11-25" else "2025-11-25", "capabilities": {"tools": {"listChanged": True}, "logging": {}},
            "serverInfo": {"name": "plain", "version": "1"}}})
    elif method == "ping" or method == "logging/setLevel":
        write({"jsonrpc": "2.0", "id": id, "result": {}})
    elif method == "tools/list":
        write({"jsonrpc": "2.0", "id": id, "result": {"tools": TOOLS}})
    elif method == "tools/call":
        cancelled[id] = threading.Event()
        calls.append(threading.Thread(target=call, args=(id, params), daemon=True))
        calls[-1].start()
    else:
        write({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": f"Method not found: {method}"}})


def main() -> None:
    if "--exit-at-start" in sys.argv:
        sys.exit(int(sys.argv[sys.argv.index("--exit-at-start") + 1]))
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "--chatty" in sys.argv:
        sys.stdout.write("Starting up, please wait...\n\n{not json\n")
        sys.stdout.flush()
        sys.stderr.write("noise " * 60_000 + "\n")
        sys.stderr.flush()
    for line in sys.stdin.buffer:
        if line.strip() and "--silent" not in sys.argv:
            handle(json.loads(line))
    while stubborn:
        time.sleep(60)
    # A thread that is writing while the interpreter goes down would abort it.
    end = time.monotonic() + 1
    for thread in calls:
        thread.join(max(0, end - time.monotonic()))
    with lock:
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
