"""The language of commands."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.script.language import Line, parse_line, parse_script

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
lines = st.builds(
    Line,
    name=st.text(min_size=1),
    words=st.lists(st.text()).map(tuple),
    named=st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]*", fullmatch=True), json_values),
    background=st.booleans(),
)


@given(lines)
def test_a_printed_line_reads_back(line: Line):
    assert parse_script(str(line), "s") == [line]


@given(st.text())
def test_any_text_is_read_or_refused(text: str):
    with suppress(UsageError):
        parse_script(text, "s.kz")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("help", Line("help")),
        ("/help", Line("help")),
        ("  run  debate # why", Line("run", ("debate",))),
        ("run a#b", Line("run", ("a#b",))),
        ("run x &", Line("run", ("x",), {}, True)),
        ("run x '&'", Line("run", ("x", "&"))),
        ("a n=5 f=1.5 s=hello", Line("a", (), {"n": 5, "f": 1.5, "s": "hello"})),
        ("a t=true z=null", Line("a", (), {"t": True, "z": None})),
        ("a n='5' m=\"true\"", Line("a", (), {"n": "5", "m": "true"})),
        ('a l=["x y", 2] o={"k": "v"} w', Line("a", ("w",), {"l": ["x y", 2], "o": {"k": "v"}})),
        ("a 'it'\"'\"'s'", Line("a", ("it's",))),
        ('a "two\\nlines" "\\d+"', Line("a", ("two\nlines", "\\d+"))),
        ("a '\\n' b\\ c", Line("a", ("\\n", "b c"))),
        (
            "expect steps<=5 output~*.md outcome=returned",
            Line("expect", ("steps<=5", "output~*.md"), {"outcome": "returned"}),
        ),
        ('expect output.verdict="a b"', Line("expect", (), {"output.verdict": "a b"})),
        ("a l='[\"x y\"]' m='[x]'", Line("a", (), {"l": ["x y"], "m": "[x]"})),
        ('a l="[1]"', Line("a", (), {"l": "[1]"})),
        ("a b \\\n  c=1 \\\n\n", Line("a", ("b",), {"c": 1})),
        ("a x=NaN", Line("a", (), {"x": "NaN"})),
        ("a x=", Line("a", (), {"x": ""})),
        ("a 'k=v'", Line("a", ("k=v",))),
        ("ask x <<END\none\n  two # three\nEND", Line("ask", ("x", "one\n  two # three"))),
        ("ask critic draft<<END\nEND", Line("ask", ("critic",), {"draft": ""})),
        ("a x<<A y<<B\n1\nA\n2\nB", Line("a", (), {"x": "1", "y": "2"})),
    ],
)
def test_lines_mean_what_they_look_like(text: str, expected: Line):
    assert parse_script(text, "s") == [expected]


def test_a_script_is_its_commands_in_order():
    script = "# first\r\nmodel playbook:tour\r\n\r\nask a <<E\nx\nE\nhelp\n"
    assert [(line.name, line.place.line) for line in parse_script(script, "s")] == [
        ("model", 2),
        ("ask", 4),
        ("help", 7),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("help\nrun 'x", "s.kz:2:5: the quote opened here is not closed"),
        ('run "x', "s.kz:1:5: the quote opened here is not closed"),
        ("run x & y", "s.kz:1:7: '&' can only be the last word; quote it if it is text"),
        ("run a=1 a=2", "s.kz:1:9: 'a' is given twice"),
        ("run a=[x]", "s.kz:1:8: Expecting value; quote the value if it is text"),
        (
            'run a=["x"]y',
            "s.kz:1:12: a JSON value ends before this; leave a space, or quote it all",
        ),
        ("ask x <<END\nno end", "s.kz:1:7: the block opened here has no line 'END' to end it"),
        ("a=b", "s.kz:1:1: a line starts with the name of a command"),
        ("/", "s.kz:1:1: a line starts with the name of a command"),
    ],
)
def test_a_wrong_line_is_named_by_its_place(text: str, expected: str):
    with pytest.raises(UsageError) as caught:
        parse_script(text, "s.kz")
    assert caught.value.message == expected
    assert caught.value.exit_code == 2


def test_a_typed_line_may_be_empty_and_is_only_one():
    assert parse_line("  # nothing") is None
    assert parse_line("/model x") == Line("model", ("x",))
    with pytest.raises(UsageError, match="more than one"):
        parse_line("help\nhelp")


def test_a_deep_value_is_refused_not_a_crash():
    with pytest.raises(UsageError):
        parse_script("a x=" + "[" * 100_000, "s")
    assert json.loads("[]") == []
