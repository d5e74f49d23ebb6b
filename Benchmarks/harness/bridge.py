"""Starts the PyPI bridge `mcp-proxy` on uvloop, its fastest form (its own command line uses asyncio's loop)."""

import sys

import uvloop
from mcp_proxy.__main__ import main

if __name__ == "__main__":
    uvloop.install()
    sys.exit(main())
