"""Read a file that a person wrote, in TOML, YAML or JSON: one function, one set of limits."""

from __future__ import annotations

from workbench.errors import nearest
from workbench.located.value import MAX_BYTES, Located, guess, refusal

SUFFIXES = (".toml", ".yaml", ".yml", ".json")
MAX_ALIASES = 16
"""Plenty for people, too few for a bomb."""


def read_located(
    source: str | bytes, suffix: str, where: str, *, aliases: int = MAX_ALIASES
) -> Located:
    """Read a file's content.

    Args:
        source: Text, or bytes that should be UTF-8.
        suffix: One of `SUFFIXES`: what the content is written in.
        where: The file's name, for messages.
        aliases: The most aliases that YAML may use.

    Raises:
        ConfigError: it is not of the format, too large, or uses what is refused; names file and,
            unless the whole file is meant, line.
    """
    raw = source if isinstance(source, bytes) else source.encode(errors="surrogatepass")
    if len(raw) > MAX_BYTES:
        raise refusal(where, None, f"the file is larger than {MAX_BYTES:,} bytes")
    text = source if isinstance(source, str) else _decoded(source, where)
    # Each format's module is loaded only for those who write it; YAML's takes 15 ms.
    match suffix.lower():
        case ".toml":
            from workbench.located.toml_text import read_toml  # noqa: PLC0415 - one format a file

            return read_toml(text, where)
        case ".json":
            from workbench.located.json_text import read_json  # noqa: PLC0415 - one format a file

            return read_json(text, where)
        case ".yaml" | ".yml":
            from workbench.located.yaml_text import read_yaml  # noqa: PLC0415 - one format a file

            return read_yaml(text, where, aliases)
        case _:
            near = nearest(suffix, SUFFIXES)
            message = f"there is no format of settings {suffix!r}"
            raise refusal(where, None, message, guess(suffix, SUFFIXES), near=near)


def _decoded(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise refusal(where, line, "this is not UTF-8 text") from None
