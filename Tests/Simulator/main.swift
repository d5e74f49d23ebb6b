print("mcp-sim")
