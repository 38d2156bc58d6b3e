"""The page in a real browser: it draws without any network, answers keys, and ends with its tab."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.processes import runs, until, workspace
from tests.web.browser import Tab, browsing, chromium
from tests.web.serving import serving

PROGRAM = chromium()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed"),
]


async def _opened(tab: Tab, link: str) -> None:
    await tab.ask("Page.navigate", url=link)
    await tab.until("document.body?.classList.contains('-first-byte')")


def test_the_screen_is_drawn_offline_and_its_program_ends_with_the_tab(tmp_path: Path) -> None:
    assert PROGRAM is not None
    environment = workspace(tmp_path)
    picture = tmp_path / "page.png"

    async def looks(link: str, origin: str) -> None:
        async with browsing(PROGRAM or "", tmp_path / "profile") as browser, browser.tab() as tab:
            await _opened(tab, link)
            await tab.until("[...document.fonts].some(font => font.status === 'loaded')")
            assert await tab.evaluate("location.href") == f"{origin}/"  # the token is gone
            assert await tab.evaluate("document.cookie") == ""
            drawn = await tab.pictured(lambda found: len(found) > 20_000)
            await tab.press("F1", 112)
            picture.write_bytes(await tab.pictured(lambda found: len(found) > 1.5 * len(drawn)))
            asked = [p["request"]["url"] for m, p in tab.told if m == "Network.requestWillBeSent"]
            assert [url for url in asked if not url.startswith((origin, "data:"))] == []
            assert [p for m, p in tab.told if m == "Runtime.exceptionThrown"] == []
            said = [p["entry"] for m, p in tab.told if m == "Log.entryAdded"]
            assert [entry for entry in said if entry["level"] == "error"] == []

    with serving(tmp_path, environment) as served:
        asyncio.run(looks(served.link, served.origin))
        until(lambda: served.programs() == [], "gone with its tab")
    assert picture.stat().st_size > 30_000
    assert runs(tmp_path) == []


def test_the_link_is_good_for_one_browser(tmp_path: Path) -> None:
    environment = workspace(tmp_path)

    async def looks(link: str) -> None:
        async with browsing(PROGRAM or "", tmp_path / "one") as first, first.tab() as tab:
            await _opened(tab, link)
            async with browsing(PROGRAM or "", tmp_path / "two") as second, second.tab() as other:
                await other.ask("Page.navigate", url=link)
                await other.until("document.body?.innerText.includes('has been used')")

    with serving(tmp_path, environment) as served:
        asyncio.run(looks(served.link))
