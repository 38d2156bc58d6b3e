"""What an address on the web says, read once and without asking anybody.

Reading is strict, because two readers that disagree about a host are how guards are passed: no
credentials, no backslashes, no control characters, no zones, and each odd spelling of an IPv4
address (``0x7f.1``, ``2130706433``) becomes the one that is connected to. `reach` says what a
literal address is; resolving names, and connecting to what was checked, is `workbench.tools`' job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal, TypeAlias

from workbench.errors import InputError, nearest

Reach: TypeAlias = Literal["global", "loopback", "private", "link-local", "metadata", "reserved"]
"""Only ``global`` may be connected to without a grant by host and port."""

PORTS = {"http": 80, "https": 443}

_METADATA = frozenset(
    {
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    }
)
"""Where clouds hand credentials to whoever asks; some of these look like ordinary addresses."""

_LONGEST_KEPT = 2_048
"""Characters of an address that is remembered once it was read."""

_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "lan", "home.arpa")

_V4: tuple[tuple[IPv4Network, Reach], ...] = (
    (IPv4Network("127.0.0.0/8"), "loopback"),
    (IPv4Network("169.254.0.0/16"), "link-local"),
    (IPv4Network("10.0.0.0/8"), "private"),
    (IPv4Network("172.16.0.0/12"), "private"),
    (IPv4Network("192.168.0.0/16"), "private"),
    (IPv4Network("100.64.0.0/10"), "private"),  # carrier-grade NAT
    (IPv4Network("0.0.0.0/8"), "loopback"),  # connects to this machine
    (IPv4Network("192.0.0.0/24"), "reserved"),
    (IPv4Network("192.0.2.0/24"), "reserved"),
    (IPv4Network("192.88.99.0/24"), "reserved"),
    (IPv4Network("198.18.0.0/15"), "reserved"),
    (IPv4Network("198.51.100.0/24"), "reserved"),
    (IPv4Network("203.0.113.0/24"), "reserved"),
    (IPv4Network("224.0.0.0/3"), "reserved"),  # multicast, class E, broadcast
)

_V6: tuple[tuple[IPv6Network, Reach], ...] = (
    (IPv6Network("::1/128"), "loopback"),
    (IPv6Network("::/128"), "loopback"),
    (IPv6Network("fe80::/10"), "link-local"),
    (IPv6Network("fc00::/7"), "private"),
    (IPv6Network("fec0::/10"), "private"),
    (IPv6Network("64:ff9b:1::/48"), "private"),
    (IPv6Network("2001::/23"), "reserved"),  # Teredo among others
    (IPv6Network("2001:db8::/32"), "reserved"),
    (IPv6Network("3fff::/20"), "reserved"),
)

_GLOBAL_V6 = IPv6Network("2000::/3")

_CARRIERS: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
    (IPv6Network("::/96"), 0),  # compatible; after ::1 and ::
)
"""Networks whose addresses carry an IPv4 address, and how many bits stand to its right."""


@dataclass(frozen=True, slots=True)
class Url:
    """An address as it will be used: everything in its one canonical spelling."""

    scheme: str
    host: str
    """Lower case, without a last dot; IPv6 without brackets."""
    port: int
    target: str
    """Path and query, beginning with a slash; the fragment is not sent and not kept."""
    _text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        port = "" if PORTS[self.scheme] == self.port else f":{self.port}"
        text = f"{self.scheme}://{self._bracketed}{port}{self.target}"
        object.__setattr__(self, "_text", text)

    @staticmethod
    def parse(text: str) -> Url:
        """Read an address; InputError says what is wrong with it."""
        return _read(text) if len(text) <= _LONGEST_KEPT else Url(*_split(text))

    @property
    def origin(self) -> str:
        """``scheme://host:port``, always with the port: what grants and rules name."""
        return f"{self.scheme}://{self._bracketed}:{self.port}"

    @property
    def place(self) -> str:
        """``host:port``, as grants spell it."""
        return f"{self._bracketed}:{self.port}"

    @property
    def reach(self) -> Reach | None:
        """What the host is when it is a literal address, or None for a name."""
        return reach(self.host)

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def __str__(self) -> str:
        return self._text


@lru_cache(maxsize=512)
def _read(text: str) -> Url:
    """Whoever looks at a call reads its address, and whoever decides about it reads it again."""
    return Url(*_split(text))


def reach(host: str) -> Reach | None:
    """What a literal address is, embedded IPv4 addresses included; None for a name."""
    if "%" in host:
        return "reserved"
    try:
        address = IPv6Address(host.strip("[]")) if ":" in host else IPv4Address(host)
    except AddressValueError:
        return "reserved" if ":" in host else None
    return _reach_v4(address) if isinstance(address, IPv4Address) else _reach_v6(address)


def _reach_v4(address: IPv4Address) -> Reach:
    if str(address) in _METADATA:
        return "metadata"
    for network, kind in _V4:
        if address in network:
            return kind
    return "global"


def _reach_v6(address: IPv6Address) -> Reach:
    if str(address) in _METADATA:
        return "metadata"
    for network, kind in _V6:
        if address in network:
            return kind
    for network, shift in _CARRIERS:
        if address in network:
            return _reach_v4(IPv4Address((int(address) >> shift) & 0xFFFFFFFF))
    return "global" if address in _GLOBAL_V6 else "reserved"


def is_local_name(host: str) -> bool:
    """Whether a name belongs to this machine or network by convention; it may still resolve."""
    return host in _LOCAL_NAMES or host.endswith(tuple("." + name for name in _LOCAL_NAMES))


def _refuse(text: str, why: str, hint: str = "") -> InputError:
    shown = ascii(text[:200])
    return InputError(f"the address {shown} {why}", hint=hint, value=text[:200])


def _split(text: str) -> tuple[str, str, int, str]:
    for index, char in enumerate(text):
        if char == "\\" or char.isspace() or not char.isprintable():
            raise _refuse(text, f"has {char!a} at character {index + 1}, which no address may")
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator:
        raise _refuse(text, "has no scheme", "Write it out: https://…")
    if scheme not in PORTS:
        guess = nearest(scheme, PORTS)
        hint = f"Did you mean {guess!r}?" if guess else "Only http and https are fetched"
        raise _refuse(text, f"has the scheme {scheme!r}", hint)
    rest = rest.partition("#")[0]
    end = min((at for at in map(rest.find, "/?") if at >= 0), default=len(rest))
    authority, target = rest[:end], rest[end:]
    if "@" in authority:
        raise _refuse(text, "carries credentials", "Give them in a header: ${secret:NAME}")
    host, port = _authority(text, authority)
    return scheme, host, PORTS[scheme] if port is None else port, _target(target)


def _target(target: str) -> str:
    """Path and query with everything beyond ASCII quoted, so that it has one spelling."""
    quoted = "".join(
        c if c.isascii() else "".join(f"%{byte:02X}" for byte in c.encode()) for c in target
    )
    return quoted if quoted.startswith("/") else "/" + quoted


def _authority(text: str, authority: str) -> tuple[str, int | None]:
    if authority.startswith("["):
        inner, bracket, rest = authority[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise _refuse(text, "has a broken IPv6 address")
        try:
            host = str(IPv6Address(inner)) if "%" not in inner else ""
        except AddressValueError:
            host = ""
        if not host:
            raise _refuse(text, f"has {inner!r} where an IPv6 address without a zone belongs")
        return host, _port(text, rest[1:])
    name, _, port = authority.partition(":")
    return _host(text, name), _port(text, port)


def _port(text: str, port: str) -> int | None:
    if not port:
        return None
    if not (port.isascii() and port.isdigit()) or len(port) > 5 or not 0 < int(port) < 65536:
        raise _refuse(text, f"has the port {port!r}", "A port is a number from 1 to 65535")
    return int(port)


def _host(text: str, name: str) -> str:
    """The host in lower case ASCII; any spelling of an IPv4 address becomes the dotted one."""
    try:
        host = (name if name.isascii() else name.encode("idna").decode("ascii")).lower()
    except UnicodeError:
        raise _refuse(text, f"has the host {name!r}, which no name server knows") from None
    host = host.removesuffix(".")
    labels = host.split(".")
    if not host or len(host) > 253 or any(not _is_label(label) for label in labels):
        raise _refuse(text, f"has no usable host: {name!r}")
    if not _is_number(labels[-1]):
        return host
    address = ipv4(host)
    if address is None:
        raise _refuse(text, f"has the host {name!r}, which looks like an address and is none")
    return address


def _is_label(label: str) -> bool:
    bare = label.replace("-", "").replace("_", "")
    return bool(bare) and bare.isascii() and bare.isalnum() and len(label) <= 63


def _is_number(label: str) -> bool:
    """Whether a last label makes the whole host an IPv4 address, as browsers decide it."""
    return label.isdigit() or _number(label) is not None


def _number(label: str) -> int | None:
    """One part of an IPv4 address in any notation that C libraries take."""
    digits, radix = label, 10
    if label.startswith("0x"):
        digits, radix = label[2:] or "0", 16
    elif label.startswith("0") and len(label) > 1:
        digits, radix = label[1:], 8
    if not digits.isalnum():
        return None
    try:
        return int(digits, radix)
    except ValueError:
        return None


def ipv4(host: str) -> str | None:
    """The dotted form of any spelling of an IPv4 address (octal, hex, fewer parts), or None."""
    labels = host.split(".")
    numbers = [number for number in map(_number, labels) if number is not None]
    if len(numbers) != len(labels) or len(numbers) > 4:
        return None
    *high, low = numbers
    if any(number > 255 for number in high) or low >= 256 ** (4 - len(high)):
        return None
    for place, number in enumerate(high):
        low += number << (8 * (3 - place))
    return str(IPv4Address(low))
