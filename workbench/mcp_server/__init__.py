"""The workbench as an MCP server: `kaizen-tui serve --mcp`, over stdio or HTTP on loopback.

A front like the others: each call of a client is an ordinary run of the one `Workbench`, with its
log, permissions and budget. Nothing here decides what a run may do; it says who may ask for one
(`workbench.permission.roles`), shows how far it is, and carries questions to the client's person.
"""
