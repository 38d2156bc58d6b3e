"""MCP servers as the workbench's client sees them: settings, trust, connections, tools, results.

Everything here is values and protocol but `connection.py`, which owns a server's connection, and
`stdio.py` and `http.py`, which bound what a server can send. ``mcp`` itself is imported when a
server is first needed. What a server may do is decided by the gate, like every tool's call.
"""
