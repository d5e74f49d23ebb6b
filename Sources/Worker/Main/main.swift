print("mcp-worker")
