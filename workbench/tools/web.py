"""Speak HTTP for an agent: one request, to the address that was checked, within bounds.

The connection goes to the checked address while the name stays in ``Host`` and in the TLS
handshake. Nothing of the user's environment takes part: no proxies, no cookies, no netrc. A
redirect within the host is checked and followed; one to another host is followed only when the
user granted that host, because nobody decided on it: otherwise it is the result.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin

from workbench.errors import Denied, ToolError
from workbench.permission.danger import Facts
from workbench.permission.urls import Url
from workbench.tools.addresses import checked, is_granted
from workbench.tools.apart import apart
from workbench.tools.bodies import ENCODINGS, Unpacking, decoded, taken
from workbench.tools.credentials import filled
from workbench.tools.place import Place
from workbench.values import Json, dumps

if TYPE_CHECKING:
    import ssl

    import httpx

METHODS = {
    "http_get": "GET",
    "http_post": "POST",
    "http_put": "PUT",
    "http_delete": "DELETE",
    "fetch_url": "GET",
    "extract_links": "GET",
}
_KEPT_HEADERS = (
    "content-type", "content-length", "date", "etag", "last-modified", "location", "retry-after",
)  # fmt: skip
_OURS = {
    "host", "content-length", "transfer-encoding", "connection", "accept-encoding", "upgrade",
    "te", "trailer", "proxy-authorization", "proxy-connection", "keep-alive", "expect",
}  # fmt: skip
_AGENT = "kaizen-tui"
_PAGES = "workbench.tools.pages"


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: Url
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: dict[str, str]
    body: Unpacking
    url: Url


async def fetched(address: str, place: Place, decided: Facts | None, most_bytes: int) -> bytes:
    """The whole body at an address, by the same rules; anything but 200 is an error."""
    url = Url.parse(address)
    _refuse_other(url, decided)
    limits = replace(place.limits, body_bytes=most_bytes)
    answer = await _answered(_Request("GET", url, {}, b""), replace(place, limits=limits))
    if answer.status != 200:
        raise ToolError(f"{url.place} answered with status {answer.status}")
    if answer.body.truncated:
        raise ToolError(f"what {url.place} sent has more than {most_bytes} bytes")
    return answer.body.kept


async def http(
    tool: str, arguments: Mapping[str, Any], place: Place, decided: Facts | None, key: str = ""
) -> Json:
    """Perform one of the HTTP tools; any status is a result.

    With a ``key`` the request carries it as its ``Idempotency-Key``, unless it brings its own.
    """
    url = Url.parse(str(arguments["url"]))
    _refuse_other(url, decided)
    headers, body = _content(arguments)
    headers = await filled(headers, url, place.credentials)
    if key and not any(name.lower() == "idempotency-key" for name in headers):
        headers["Idempotency-Key"] = key
    answer = await _answered(_Request(METHODS[tool], url, headers, body), place)
    return await _result(tool, answer, place)


def _refuse_other(url: Url, decided: Facts | None) -> None:
    if decided is not None and url.origin not in decided.targets:
        raise Denied(f"{url.origin} is not what was decided on: {', '.join(decided.targets)}")


async def _answered(request: _Request, place: Place) -> _Answer:
    try:
        async with asyncio.timeout(place.limits.http_s):
            return await _followed(request, place)
    except TimeoutError:
        took = f"took longer than {place.limits.http_s:g} s"
        raise ToolError(f"{request.url.place} {took}") from None


def _content(arguments: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    headers: dict[str, str] = {}
    for name, value in cast("dict[str, Any]", arguments.get("headers") or {}).items():
        if name.lower() in _OURS or not str(value).isprintable():
            raise ToolError(f"the header {name!r} cannot be set to {value!r}")
        headers[name] = str(value)
    body, data = arguments.get("body"), arguments.get("json")
    if body is not None and data is not None:
        raise ToolError("give body or json, not both")
    if data is not None:
        return {"Content-Type": "application/json", **headers}, dumps(data)
    return headers, str(body or "").encode("utf-8", "surrogateescape")


async def _result(tool: str, answer: _Answer, place: Place) -> Json:
    kind = answer.headers.get("content-type", "")
    text = decoded(answer.body.kept, kind)
    shown: dict[str, Json] = {
        name: answer.headers[name][:500] for name in _KEPT_HEADERS if name in answer.headers
    }
    result: dict[str, Json] = {"status": answer.status, "url": str(answer.url)}
    if tool == "extract_links":
        question = {"html": text, "address": str(answer.url)}
        found = await apart(f"{_PAGES}:links_of", question, place.limits.page_s, "reading the page")
        more = found["truncated"] or answer.body.truncated
        return {**result, "links": found["links"], "truncated": more}
    if tool == "fetch_url" and "html" in kind:
        question = {"html": text}
        text = await apart(f"{_PAGES}:text_of", question, place.limits.page_s, "reading the page")
    return {**result, "headers": shown, "text": text, "truncated": answer.body.truncated}


async def _followed(request: _Request, place: Place) -> _Answer:
    """The answer after the redirects that may be followed."""
    for _ in range(place.limits.redirects + 1):
        answer = await _sent(request, place)
        further = await _redirected(request, answer, place)
        if further is None:
            return answer
        request = further
    raise ToolError(f"more than {place.limits.redirects} redirects, the last to {request.url}")


async def _redirected(request: _Request, answer: _Answer, place: Place) -> _Request | None:
    """The next request when the answer is a redirect that may be followed."""
    location = answer.headers.get("location", "")
    if answer.status not in {301, 302, 303, 307, 308} or not location:
        return None
    url = Url.parse(urljoin(str(request.url), location))
    await checked(url, place.grants)
    if not _is_covered(request.url, url) and not is_granted(url, place.grants):
        return None
    if url.scheme == "http" and request.url.scheme == "https":
        return None
    if answer.status in {307, 308} or request.method == "GET":
        if request.method != "GET" and url.origin != request.url.origin:
            return None
        return replace(request, url=url, headers=_travelling(request, url))
    kept = {k: v for k, v in _travelling(request, url).items() if k.lower() != "content-type"}
    return _Request("GET", url, kept, b"")


def _is_covered(one: Url, other: Url) -> bool:
    """Whether what was decided on one address holds for another: the same, or now with TLS."""
    upgraded = (one.scheme, one.port, other.scheme, other.port) == ("http", 80, "https", 443)
    return one.origin == other.origin or (one.host == other.host and upgraded)


def _travelling(request: _Request, url: Url) -> Mapping[str, str]:
    """The headers that may come along: to another origin, none that the caller set."""
    if url.origin == request.url.origin:
        return request.headers
    return {k: v for k, v in request.headers.items() if k.lower() in {"accept", "content-type"}}


async def _sent(request: _Request, place: Place) -> _Answer:
    """Send one request to the first address that can be connected to."""
    import httpx  # noqa: PLC0415 (heavy)

    refused: Exception | None = None
    for address in await checked(request.url, place.grants):
        try:
            async with _opened(request, address, place) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                encoding = headers.get("content-encoding", "")
                body = await taken(response.aiter_raw(), encoding, place.limits)
                return _Answer(response.status_code, headers, body, request.url)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            refused = error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise ToolError(f"{request.url.place}: {_why(error)}") from error
    raise ToolError(f"cannot connect to {request.url.place}: {_why(refused)}") from refused


@asynccontextmanager
async def _opened(request: _Request, address: str, place: Place) -> AsyncGenerator[httpx.Response]:
    import httpx  # noqa: PLC0415 (heavy)

    url, host = request.url, request.url.host
    literal = f"[{address}]" if ":" in address else address
    named = url.place if url.port not in {80, 443} else url.place.rpartition(":")[0]
    own = {"Host": named, "User-Agent": _AGENT, "Accept-Encoding": ENCODINGS, "Accept": "*/*"}
    verify = _trusted() if url.scheme == "https" else False
    async with (
        httpx.AsyncClient(trust_env=False, verify=verify, timeout=place.limits.http_s) as client,
        client.stream(
            request.method,
            f"{url.scheme}://{literal}:{url.port}{url.target}",
            headers=_merged(own, request.headers),
            content=request.body or None,
            extensions={"sni_hostname": host},
        ) as response,
    ):
        yield response


def _merged(own: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    set_by_caller = {name.lower() for name in given}
    return {k: v for k, v in own.items() if k.lower() not in set_by_caller} | dict(given)


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted: the system's and those httpx brings along."""
    import ssl  # noqa: PLC0415 (only for https)

    import certifi  # noqa: PLC0415

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _why(error: BaseException | None) -> str:
    return str(error) or type(error).__name__
