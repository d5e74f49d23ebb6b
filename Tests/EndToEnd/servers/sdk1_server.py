"""A stdio server written with the official Python SDK 1.x (FastMCP)."""

import asyncio
import os

from mcp.server.fastmcp import Context, FastMCP

server = FastMCP("sdk1-tools")
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
    raise ValueError(message)


@server.tool()
async def past() -> list[str]:
    """What `slow` has lived through in this process."""
    return history


@server.tool()
async def grow(name: str, ctx: Context) -> str:
    """Adds a tool of this name and says that the list has changed."""
    server.add_tool(echo, name=name)
    await ctx.session.send_tool_list_changed()
    return "grown"


@server.tool()
async def process() -> int:
    """The process id."""
    return os.getpid()


if __name__ == "__main__":
    server.run("stdio")
