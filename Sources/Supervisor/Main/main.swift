print("mcp-supervisor")
