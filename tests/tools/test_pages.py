from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.tools.pages import links_of, text_of

PAGE = """<!doctype html><html><head><title>A &amp; B</title><base href="/docs/">
<style>p {}</style></head><body><script>alert("<p>no</p>")</script>
<h1>Head</h1><p>One <b>two</b><br>three</p>
<a href="a.html#part"> first  link</a> <a href='https://other.example/x'>second</a>
<a href="javascript:alert(1)">bad</a><a href="mailto:x@y">mail</a><a href="a.html">again</a>
<a href="http://[broken">odd</a></body></html>"""


def test_the_text_of_a_page_is_what_a_reader_sees() -> None:
    text = text_of(PAGE)
    assert text.startswith("A & B\nHead\nOne two\nthree\nfirst link second\n")
    assert "alert" not in text.replace("javascript:alert", "")
    assert "p {}" not in text


def test_links_are_absolute_once_and_of_the_web() -> None:
    found = links_of(PAGE, "https://example.org/here/page.html")
    assert found["links"] == [
        {"url": "https://example.org/docs/a.html", "text": "first link"},
        {"url": "https://other.example/x", "text": "second"},
    ]
    assert not found["truncated"]


def test_many_links_are_cut() -> None:
    found = links_of("".join(f"<a href=/{n}>x</a>" for n in range(1500)), "http://h/")
    assert isinstance(found["links"], list)
    assert len(found["links"]) == 1000
    assert found["truncated"]


@given(st.text(alphabet=st.sampled_from("<>/ abhref=\"'!-&;#scripttitle"), max_size=200))
def test_any_text_is_a_page(text: str) -> None:
    links = links_of(text, "http://example.org/")["links"]
    assert isinstance(links, list)
    assert all(str(link["url"]).startswith("http") for link in links if isinstance(link, dict))
    text_of(text)
