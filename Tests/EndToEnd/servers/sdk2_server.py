"""A stdio server written with the official Python SDK 2.x, as a user would write it."""

import asyncio
import os
import subprocess

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("sdk2-tools", instructions="Tools for the end-to-end tests.")
history: list[str] = []


@server.tool()
async def echo(text: str) -> str:
    """Gives back what it got."""
    return text


@server.tool()
async def add(a: int, b: int) -> int:
    """Adds two numbers; has structured output."""
    return a + b


@server.tool()
async def slow(seconds: float, name: str = "slow") -> str:
    """Answers after a while, and remembers how it ended."""
    history.append(f"started {name}")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        history.append(f"cancelled {name}")
        raise
    history.append(f"finished {name}")
    return f"slept {seconds}"


@server.tool()
async def progress(steps: int, ctx: Context) -> str:
    """Reports its progress step by step."""
    for step in range(1, steps + 1):
        await ctx.report_progress(step, steps, f"step {step}")
    return f"{steps} steps"


@server.tool()
async def log(level: str, message: str, ctx: Context) -> str:
    """Writes one log message."""
    await ctx.log(level, message)
    return "logged"


@server.tool()
async def fail(message: str) -> str:
    """Fails with a tool error."""
    raise ToolError(message)


@server.tool()
async def past() -> list[str]:
    """What `slow` has lived through in this process."""
    return history


@server.tool()
async def process() -> int:
    """The process id."""
    return os.getpid()


@server.tool()
async def grow(name: str, ctx: Context) -> str:
    """Adds a tool of this name and says that the list has changed."""
    server.add_tool(echo, name=name)
    # Legacy clients hear of it by the session, modern ones on what they listen to.
    await ctx.session.send_tool_list_changed()
    await ctx.notify_tools_changed()
    return "grown"


@server.tool()
async def spawn() -> int:
    """Starts a child in a session of its own, which does not end by itself for ten minutes."""
    return subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True).pid


@server.tool()
async def die(code: int) -> str:
    """Ends this process at once."""
    os._exit(code)


if __name__ == "__main__":
    server.run("stdio")
