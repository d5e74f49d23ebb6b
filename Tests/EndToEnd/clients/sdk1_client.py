"""One scenario with the official SDK 1.x client, over Streamable HTTP or with a process. Prints one JSON object.

    sdk1_client.py URL SCENARIO             with SCENARIO a JSON list of steps:
    sdk1_client.py '["PROGRAM", …]' SCENARIO
        ["list_tools"] | ["call", NAME, ARGUMENTS, TIMEOUT_SECONDS or null] | ["progress", NAME, ARGUMENTS] | ["log_level", LEVEL] | ["ping"]
        ["changed"]     waits until the server has said that its list of tools has changed
"""

import asyncio
import json
import sys
from datetime import timedelta

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.exceptions import McpError
from mcp.types import ServerNotification, ToolListChangedNotification


def connect(url: str):
    if not url.startswith("["):
        return streamablehttp_client(url)
    program, *arguments = json.loads(url)
    return stdio_client(StdioServerParameters(command=program, args=arguments))


async def run(url: str, steps: list) -> dict:
    logs: list = []
    results: list = []
    changed = asyncio.Event()

    async def on_message(message) -> None:
        if isinstance(message, ServerNotification) and isinstance(message.root, ToolListChangedNotification):
            changed.set()

    async def on_log(params) -> None:
        logs.append([params.level, params.data])

    async with connect(url) as (read, write, *session):
        session_id = session[0] if session else lambda: None
        async with ClientSession(read, write, logging_callback=on_log, message_handler=on_message) as session:
            initialized = await session.initialize()
            for step in steps:
                progress: list = []

                async def on_progress(value: float, total: float | None, message: str | None) -> None:
                    progress.append([value, total, message])

                try:
                    if step[0] == "list_tools":
                        results.append(sorted(tool.name for tool in (await session.list_tools()).tools))
                    elif step[0] == "call":
                        timeout = timedelta(seconds=step[3]) if len(step) > 3 and step[3] else None
                        results.append((await session.call_tool(step[1], step[2], timeout)).model_dump(mode="json", by_alias=True))
                    elif step[0] == "progress":
                        result = await session.call_tool(step[1], step[2], progress_callback=on_progress)
                        results.append({"result": result.model_dump(mode="json", by_alias=True), "progress": progress})
                    elif step[0] == "log_level":
                        await session.set_logging_level(step[1])
                        results.append(None)
                    elif step[0] == "ping":
                        await session.send_ping()
                        results.append(None)
                    elif step[0] == "changed":
                        await asyncio.wait_for(changed.wait(), 10)
                        changed.clear()
                        results.append(None)
                except McpError as error:
                    results.append({"error": error.error.model_dump(mode="json")})
            return {
                "protocolVersion": initialized.protocolVersion, "server": initialized.serverInfo.name, "session": session_id() is not None,
                "results": results, "logs": logs}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(asyncio.wait_for(run(sys.argv[1], json.loads(sys.argv[2])), 60))))
