"""A fast look whether an Ollama answers, without loading any HTTP library.

The workbench asks this before its first frame; importing a client for it would cost half a second
on every machine that has no Ollama at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from urllib.parse import urlsplit

from workbench.errors import ConfigError

DEFAULT_HOST = "http://127.0.0.1:11434"


def base_url(host: str) -> str:
    """The address for what ``OLLAMA_HOST`` may hold: ``box``, ``:9000``, ``https://x/y``.

    Raises:
        ConfigError: it names no host that can be asked.
    """
    text = host.strip().rstrip("/")
    if not text:
        return DEFAULT_HOST
    named = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(named)
        port, name = parts.port, parts.hostname or "127.0.0.1"
    except ValueError as error:
        raise ConfigError(f"{host!r} is no address of an Ollama: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise ConfigError(f"{host!r} is no address of an Ollama", hint="Use http:// or https://")
    # A server told to listen everywhere is asked here.
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(name, name)  # noqa: S104  # never bound
    if port is None:
        port = 11434 if "://" not in text else {"http": 80, "https": 443}[parts.scheme]
    shown = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{shown}:{port}{parts.path}"


async def reachable(host: str = "", timeout_s: float = 0.3) -> bool:
    """Whether an Ollama answers at ``host`` (any form of `base_url`) within ``timeout_s``."""
    parts = urlsplit(base_url(host))
    context = ssl.create_default_context() if parts.scheme == "https" else None
    path = parts.path.rstrip("/") + "/api/version"
    ask = f"GET {path} HTTP/1.0\r\nHost: {parts.netloc}\r\nAccept: application/json\r\n\r\n"
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
            writer.write(ask.encode("ascii", "replace"))
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.read(4096)
            return b" 200 " in head.split(b"\r\n", 1)[0] and b'"version"' in body
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False
    finally:
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await writer.wait_closed()
