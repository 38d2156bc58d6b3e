"""Read HTML: its text for people, its links for going on. Nothing of it is ever run.

`html.parser` is lenient, but takes quadratic time on broken markup: who reads a stranger's page
calls these functions through `workbench.tools.apart`.
"""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from workbench.values import Json

_SILENT = frozenset({"script", "style", "noscript", "template", "svg", "head"})
_BREAKS = {
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figure", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p",
    "pre", "section", "table", "title", "tr", "ul",
}  # fmt: skip
_LINKS = 1_000
_LABEL = 200


class _Reading(HTMLParser):
    """Collects the visible text and the links of one page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.base = ""
        self.words: list[str] = []
        self.links: list[tuple[str, list[str]]] = []
        self._silent: list[str] = []
        self._in_title = False
        self._open_link = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "base" and not self.base:
            self.base = found.get("href") or ""
        elif tag == "title":
            self._in_title = True
        elif tag == "body":
            self._silent.clear()
        elif tag in _SILENT:
            self._silent.append(tag)
        elif tag == "a" and (href := found.get("href")):
            self.links.append((href, []))
            self._open_link = True
        if tag in _BREAKS:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag == "a":
            self._open_link = False
        elif tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        if tag in _BREAKS:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._silent:
            self.words.append(data)
            if self._open_link:
                self.links[-1][1].append(data)


def text_of(html: str) -> str:
    """The visible text of a page, its title first, without blank runs."""
    page = _read(html)
    body = [" ".join(line.split()) for line in "".join(page.words).split("\n")]
    lines = [" ".join(page.title.split()), *body]
    return "\n".join(line for line in lines if line)


def links_of(html: str, address: str) -> dict[str, Json]:
    """The links of a page to http and https addresses, absolute, each once, and if all fit."""
    page = _read(html)
    base = urljoin(address, page.base) if page.base else address
    found: dict[str, str] = {}
    for href, label in page.links:
        absolute = _absolute(base, href)
        if absolute and absolute not in found:
            found[absolute] = " ".join("".join(label).split())[:_LABEL]
    links: list[Json] = [{"url": url, "text": text} for url, text in found.items()]
    return {"links": links[:_LINKS], "truncated": len(links) > _LINKS}


def _absolute(base: str, href: str) -> str:
    try:
        absolute = urljoin(base, href.strip())
        parts = urlsplit(absolute)
    except ValueError:
        return ""
    usable = parts.scheme in {"http", "https"} and bool(parts.netloc)
    return absolute.partition("#")[0] if usable else ""


def _read(html: str) -> _Reading:
    page = _Reading()
    page.feed(html)
    page.close()
    return page
