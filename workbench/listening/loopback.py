"""A socket that only this machine reaches."""

from __future__ import annotations

import socket
from errno import EACCES, EADDRINUSE
from ipaddress import ip_address

from workbench.errors import UsageError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on a loopback address. Raises UsageError."""
    address = "127.0.0.1" if host == "localhost" else host
    try:
        found = ip_address(address)
        is_ours = found.is_loopback and "%" not in address
    except ValueError:
        is_ours = False
    if not is_ours:
        raise UsageError(
            f"{host} is not an address that only this machine reaches",
            hint="Whoever reaches it can do what you can: leave --host out, and from "
            "elsewhere forward the port: ssh -L PORT:127.0.0.1:PORT",
        )
    if not 0 <= port <= 65_535:
        raise UsageError(f"{port} is no port", hint="There are 1 to 65535; 0 takes a free one")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio turns delayed sending off only where it sees the protocol's number: 40 ms an answer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address, port))
        listening.listen(64)
    except OSError as error:
        listening.close()
        reasons = {EADDRINUSE: "is taken by another program", EACCES: "is kept for the system"}
        why = reasons.get(error.errno or 0, f"cannot be had: {error.strerror}")
        raise UsageError(
            f"port {port} of {host} {why}", hint="Give another --port, or none for a free one"
        ) from error
    return listening


def place_of(host: str, port: int) -> str:
    """Host and port as clients write them into the Host header."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
