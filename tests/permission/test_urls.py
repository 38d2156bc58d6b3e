"""Addresses: one reading, one spelling, and what a literal one is."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.permission.urls import Url, ipv4, is_local_name, reach


@pytest.mark.parametrize(
    ("text", "canonical", "origin"),
    [
        ("https://Example.COM", "https://example.com/", "https://example.com:443"),
        ("HTTP://example.com:80/a?b#c", "http://example.com/a?b", "http://example.com:80"),
        ("http://example.com:443/", "http://example.com:443/", "http://example.com:443"),
        ("http://example.com./x", "http://example.com/x", "http://example.com:80"),
        ("http://example.com?q=1", "http://example.com/?q=1", "http://example.com:80"),
        ("http://a.b/c@d:e", "http://a.b/c@d:e", "http://a.b:80"),
        ("http://a.b#x@y", "http://a.b/", "http://a.b:80"),
        ("http://2130706433/", "http://127.0.0.1/", "http://127.0.0.1:80"),
        ("http://0x7f.1/", "http://127.0.0.1/", "http://127.0.0.1:80"),
        ("http://0177.0.0.1:8080", "http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://127.1", "http://127.0.0.1/", "http://127.0.0.1:80"),
        ("http://0xA9FEA9FE/", "http://169.254.169.254/", "http://169.254.169.254:80"),
        ("http://0/", "http://0.0.0.0/", "http://0.0.0.0:80"),
        ("http://\uff11\uff12\uff17.0.0.1/", "http://127.0.0.1/", "http://127.0.0.1:80"),
        ("http://127\u30020\u30020\u30021/", "http://127.0.0.1/", "http://127.0.0.1:80"),
        ("http://[::1]/", "http://[::1]/", "http://[::1]:80"),
        ("http://[0:0::0:1]:8/", "http://[::1]:8/", "http://[::1]:8"),
        ("http://[::ffff:7f00:1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:7f00:1]:80"),
        ("http://b\u00fc.at/", "http://xn--b-eha.at/", "http://xn--b-eha.at:80"),
        ("http://a.b/\u00e9", "http://a.b/%C3%A9", "http://a.b:80"),
        ("http://example.com:/", "http://example.com/", "http://example.com:80"),
    ],
)  # fmt: skip
def test_every_spelling_becomes_the_canonical_one(text: str, canonical: str, origin: str):
    url = Url.parse(text)
    assert str(url) == canonical
    assert url.origin == origin
    assert origin.endswith(url.place)
    assert Url.parse(str(url)) == url


@pytest.mark.parametrize(
    "text",
    [
        "", "example.com", "ftp://a.b", "file:///etc/passwd", "htps://a.b", "javascript:alert(1)",
        "http://", "http:///x", "http://user@a.b", "http://user:pw@a.b/", "http://a.b@c.d",
        "http://a.b\\@c.d", "http://a.b\\c", "http://a b", "http://a.b/\x00", "http://a.b\x00.c",
        "http://a.b/\r\nHost: x", "http://a.b\t", " http://a.b", "http://a.b\u202e", "http://a..b",
        "http://.a", "http://-", "http://a.b:0", "http://a.b:65536", "http://a.b:x",
        "http://a.b:+1",
        "http://a.b:\u0661", "http://[::1", "http://[::1]x", "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/", "http://[1.2.3.4]/", "http://256.1.1.1/", "http://1.2.3.4.5/",
        "http://127.0.0.0x100/", "http://08.1.1.1/", "http://4294967296/", "http://a%2eb/",
        "http://a%00b/", "http://" + "a" * 64 + ".b", "http://a.b,c/", "http://a.b/\u200b",
        "http://a\u00adb.c\u200b/",
    ],
)  # fmt: skip
def test_what_two_readers_could_read_differently_is_refused(text: str):
    with pytest.raises(InputError):
        Url.parse(text)


def test_a_refusal_shows_the_address_escaped_and_the_remedy():
    with pytest.raises(InputError, match=r"\\x1b") as raised:
        Url.parse("http://a.b/\x1b[2J")
    assert "\x1b" not in str(raised.value)
    with pytest.raises(InputError, match="Did you mean 'https'"):
        Url.parse("htps://a.b")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("8.8.8.8", "global"), ("2606:4700:4700::1111", "global"), ("example.com", None),
        ("127.0.0.1", "loopback"), ("127.9.9.9", "loopback"), ("0.0.0.0", "loopback"),
        ("10.1.2.3", "private"), ("172.16.0.1", "private"), ("172.32.0.1", "global"),
        ("192.168.1.1", "private"), ("100.64.0.1", "private"), ("100.128.0.1", "global"),
        ("169.254.1.1", "link-local"), ("169.254.169.254", "metadata"),
        ("169.254.170.2", "metadata"),
        ("100.100.100.200", "metadata"), ("168.63.129.16", "metadata"), ("192.0.0.192", "metadata"),
        ("224.0.0.1", "reserved"), ("255.255.255.255", "reserved"), ("240.0.0.1", "reserved"),
        ("198.18.0.1", "reserved"), ("203.0.113.5", "reserved"), ("192.0.2.1", "reserved"),
        ("::1", "loopback"), ("::", "loopback"), ("[::1]", "loopback"), ("fe80::1", "link-local"),
        ("fe80::1%eth0", "reserved"), ("fd00::1", "private"), ("fc00::1", "private"),
        ("fec0::1", "private"), ("fd00:ec2::254", "metadata"), ("ff02::1", "reserved"),
        ("2001:db8::1", "reserved"), ("2001::1", "reserved"), ("100::1", "reserved"),
        ("::ffff:127.0.0.1", "loopback"), ("::ffff:8.8.8.8", "global"),
        ("::ffff:169.254.169.254", "metadata"), ("::ffff:0:10.0.0.1", "private"),
        ("64:ff9b::7f00:1", "loopback"), ("64:ff9b::808:808", "global"),
        ("64:ff9b::a9fe:a9fe", "metadata"), ("64:ff9b:1::1", "private"),
        ("2002:7f00:1::", "loopback"), ("2002:a9fe:a9fe::", "metadata"),
        ("2002:808:808::", "global"),
        ("::127.0.0.1", "loopback"), ("::10.0.0.1", "private"), ("3fff::1", "reserved"),
        ("not:an:address", "reserved"), ("999.1.1.1", None),
    ],
)  # fmt: skip
def test_a_literal_address_is_what_it_leads_to(host: str, expected: str | None):
    assert reach(host) == expected


@given(st.ip_addresses(v=4))
def test_whatever_is_global_here_is_global_to_the_standard_library(address: IPv4Address):
    if reach(str(address)) == "global":
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=4))
def test_a_carried_address_is_judged_like_the_bare_one(address: IPv4Address):
    bare = reach(str(address))
    number = int(address)
    if number > 1:
        assert reach(f"::ffff:{address}") == bare
    assert reach(str(IPv6Address((0x64FF9B << 96) | number))) == bare
    assert reach(str(IPv6Address((0x2002 << 112) | (number << 80)))) == bare


@given(
    st.ip_addresses(v=4),
    st.integers(1, 4),
    st.lists(st.sampled_from("dxo"), min_size=4, max_size=4),
)
def test_each_notation_of_an_address_gives_the_dotted_one(
    address: IPv4Address, parts: int, notations: str
):
    packed = address.packed
    numbers = [*packed[: parts - 1], int.from_bytes(packed[parts - 1 :])]
    forms = {"d": "{}", "x": "0x{:x}", "o": "0{:o}"}
    spelled = ".".join(forms[f].format(n) for f, n in zip(notations, numbers, strict=False))
    assert ipv4(spelled) == str(address)
    assert Url.parse(f"http://{spelled}/").host == str(address)


@given(st.text())
def test_any_text_is_read_or_refused(text: str):
    for candidate in (text, f"http://{text}"):
        try:
            url = Url.parse(candidate)
        except InputError:
            continue
        assert Url.parse(str(url)) == url
        assert str(url).isascii()


def test_names_of_this_network_are_known_by_convention():
    assert is_local_name("localhost")
    assert is_local_name("printer.local")
    assert is_local_name("metadata.google.internal")
    assert not is_local_name("example.com")
    assert not is_local_name("mylocalhost")
