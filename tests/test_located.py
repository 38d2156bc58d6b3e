"""Files that people write: the same value and a true line in three formats, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ConfigError
from workbench.located import MAX_BYTES, Place, read_located, spelled

TOML = '''# agents
"quo.ted" = 1
a.b.c = [
  1, {x = "[no]", y = 2},
  [3, 4],
]
text = """
[not.a.table]
key = "not one"
"""
more = \'\'\'
it's = [
\'\'\'

[[list]] # first
x = 1
[list.below]
y = "a = b" # z = 3
[[list]]
[[list.inner]]
z = 1
[ last . "\\u0061" ]
when = 2024-01-01T00:00:00Z
real = 3.14
'''

TOML_LINES = {
    ("quo.ted",): 2,
    ("a",): 3,
    ("a", "b", "c"): 3,
    ("a", "b", "c", 0): 4,
    ("a", "b", "c", 1): 4,
    ("a", "b", "c", 1, "y"): 4,
    ("a", "b", "c", 2, 1): 5,
    ("text",): 7,
    ("more",): 11,
    ("list",): 15,
    ("list", 0, "x"): 16,
    ("list", 0, "below"): 17,
    ("list", 0, "below", "y"): 18,
    ("list", 1): 19,
    ("list", 1, "inner", 0, "z"): 21,
    ("last", "a"): 22,
    ("last", "a", "when"): 23,
    ("last", "a", "real"): 24,
}

keys = st.text(alphabet="ab<=.#\"'\\[{ \u00e9", max_size=4)
plain = st.none() | st.booleans() | st.integers(-99, 2**70) | st.floats(allow_nan=False) | keys
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)
)
tables = st.dictionaries(keys, values, max_size=4)
in_toml_too = st.recursive(
    st.booleans() | st.integers(-99, 2**70) | keys,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
)


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    yield place
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(cast("dict[Any, Any]", value).items())
    elif isinstance(value, list):
        items = list(enumerate(cast("list[Any]", value)))
    for part, item in items:
        yield from places(item, (*place, part))


def in_toml(value: Any) -> str:
    """A value on one line; JSON's texts are TOML's as long as nothing else stands in them."""
    if isinstance(value, dict):
        inside = cast("dict[str, Any]", value).items()
        return "{" + ", ".join(f"{in_toml(k)} = {in_toml(v)}" for k, v in inside) + "}"
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return "[\n" + ",\n".join(in_toml(item) for item in items) + "]"
    return json.dumps(value, ensure_ascii=False)


def refused(text: str | bytes, suffix: str, **more: int) -> str:
    with pytest.raises(ConfigError) as caught:
        read_located(text, suffix, "f", **more)
    assert caught.value.data["file"] == "f"
    return caught.value.message


def test_every_key_of_toml_has_its_line() -> None:
    found = read_located(TOML, ".toml", "f")
    assert {place: found.lines[place] for place in TOML_LINES} == TOML_LINES
    assert set(found.lines) == set(places(found.value))


def test_every_key_and_item_of_json_and_yaml_has_its_line() -> None:
    text = '{"a": [1,\n {"b": "x: [",\n  "c": {}}],\n "a.d": null}'
    expected = {
        (): 1,
        ("a",): 1,
        ("a", 0): 1,
        ("a", 1): 2,
        ("a", 1, "b"): 2,
        ("a", 1, "c"): 3,
        ("a.d",): 4,
    }
    assert read_located(text, ".json", "f").lines == expected
    assert read_located(text, ".yaml", "f").lines == expected


@given(tables)
def test_what_is_written_is_read_and_every_place_has_a_line(table: dict[str, Any]) -> None:
    for text, suffix in (
        (json.dumps(table, indent=1), ".json"),
        (yaml.safe_dump(table, sort_keys=False), ".yml"),
    ):
        found = read_located(text, suffix, "f")
        assert found.value == table
        assert set(found.lines) == set(places(table))
        assert max(found.lines.values()) <= text.count("\n") + 1


@given(st.dictionaries(keys, in_toml_too, max_size=4))
def test_the_walk_through_toml_finds_what_the_parser_finds(table: dict[str, Any]) -> None:
    text = "".join(f"{in_toml(key)} = {in_toml(value)}\n" for key, value in table.items())
    headed = f"{text}[['new']]\n{text}['new'.below]\n{text}"
    for written in (text, headed):
        found = read_located(written, ".toml", "f")
        assert set(found.lines) == set(places(found.value))
    lines = read_located(headed, ".toml", "f").lines
    start = text.count("\n") + 1
    for key in table:
        assert lines["new", 0, key] == lines[key,] + start
        assert lines["new", 0, "below", key] == lines[key,] + 2 * start


@given(st.text(max_size=80), st.sampled_from([".toml", ".yaml", ".json"]))
def test_any_text_is_read_or_refused(text: str, suffix: str) -> None:
    with suppress(ConfigError):
        read_located(text, suffix, "f")


@given(st.text(alphabet="ab[]{}=,.\"'#\n \\1", max_size=40))
def test_the_walk_follows_whatever_toml_allows(text: str) -> None:
    with suppress(ConfigError):
        found = read_located(text, ".toml", "f")
        assert set(found.lines) == set(places(found.value))


@given(st.text(alphabet="ab[]{}:,&*!<-|>%@`?~=0_ \n\"'\t\x85\x01", max_size=60))
def test_no_yaml_breaks_the_reader(text: str) -> None:
    with suppress(ConfigError):
        found = read_located(text, ".yaml", "f")
        assert set(found.lines) >= set(places(found.value)) or not found.lines


@pytest.mark.parametrize(
    ("suffix", "text", "message"),
    [
        (".toml", "a = 1\nb = ", "f:2: this is not TOML"),
        (".toml", "a = 1\na = 2\n", "f:2: this is not TOML: Cannot overwrite a value"),
        (".toml", "a = " + "1" * 5000, "f: the file is nested too deep or has a number too long"),
        (".toml", "\n[" + "a." * 40 + "a]", "f:2: the file is nested deeper than 32 levels"),
        (".toml", "a = [\n" + "[1],\n" * 30_000 + "]", "more than 50,000 values"),
        (".json", "[" + "[1],\n" * 30_000 + "1]", "more than 50,000 values"),
        (".json", "[\n" * 40 + "]" * 40, "f:34: the file is nested deeper than 32 levels"),
        (".json", "[1" + "0" * 5000 + "]", "f: the file is nested too deep or has a number"),
        (".json", '{"a": 1, "b": {"a": 1},\n"\\u0061": 2}', "f:2: key 'a' stands twice"),
        (".yaml", "a: 1\nb: {c: 1,\n c: 2}", "f:3: key 'c' stands twice"),
        (".yaml", "<<: {a: 1}\n<<: {b: 1}", "f:2: key '<<' stands twice"),
        (".yaml", "a: 1\n<<: [1]", "f:2: '<<' takes a mapping, or a list of them"),
        (".yaml", "? [a]\n: 1", "f:1: a key must be a word"),
        (".yaml", "a: 1\nb: !!str 5", "f:2: the tag '!!str' is not read here"),
        (".yaml", "a: 1\n!x b: 2", "f:2: the tag '!x' is not read here"),
        (".yaml", "a: 1\nb: 0x_", "f:2: '0x_' cannot be read as a number"),
        (".yaml", "a: 1\n--- \nb: 1", "f:2: this is not YAML: but found another document"),
        (".yaml", "a: \u00e9\nb: \x01", "f:2: this is not YAML: "),
        (".yaml", "a: \ud800", "f:1: this is not YAML: "),
        (".yaml", "a: *b", "f:1: this is not YAML: found undefined alias"),
        (".yaml", "a: &a\n  b:\n    - <<: *a", "f:1: a value contains itself"),
        (".yaml", "[" * 300_000, "f:1: the file is nested deeper than 32 levels"),
        (".yaml", "a: [" + "1, " * 60_000 + "]", "f:1: the file has more than 50,000 values"),
        (".YAML", "a: [b", "f:1: this is not YAML"),
        (".yaml", "x" * (MAX_BYTES + 1), "f: the file is larger than 1,000,000 bytes"),
        (".json", "\u00e9" * (MAX_BYTES // 2 + 1), "f: the file is larger than 1,000,000 bytes"),
        (".tml", "", "f: there is no format of settings '.tml'"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_wrong_is_named_with_its_line(suffix: str, text: str, message: str) -> None:
    assert message in refused(text, suffix)


def test_bytes_are_utf_8_with_or_without_a_mark() -> None:
    assert read_located(b"\xef\xbb\xbfa = 1", ".toml", "f").value == {"a": 1}
    assert refused(b"a = 1\nb = '\xff'", ".toml") == "f:2: this is not UTF-8 text"
    assert "larger" in refused(b" " * (MAX_BYTES + 1), ".toml")


def test_a_bomb_of_few_aliases_is_refused_without_being_built() -> None:
    listed = ["a0: &a0 [" + "x, " * 1000 + "]"]
    listed += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 4)}]" for i in range(1, 5)]
    merged = ["a0: &a0 {" + ", ".join(f"k{i}: 1" for i in range(1000)) + "}"]
    merged += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 4)}]}}" for i in range(1, 5)]
    for lines in (listed, merged):
        started = time.perf_counter()
        assert "more than 50,000 values" in refused("\n".join(lines), ".yaml")
        assert time.perf_counter() - started < 5


def test_aliases_may_be_refused_altogether() -> None:
    text = "a: &x 1\nb: *x"
    assert read_located(text, ".yaml", "f").value == {"a": 1, "b": 1}
    message = "f:2: the file has aliases, which it does not need"
    assert refused(text, ".yaml", aliases=0) == message
    assert "f:3: the file has more than 1 aliases" in refused(f"{text}\nc: *x", ".yaml", aliases=1)


def test_a_mapping_takes_over_what_it_does_not_say_itself() -> None:
    text = "base: &base {x: 1, y: 1}\nmore: &more {y: 2, z: 2}\nall: {<<: [*base, *more], x: 0}"
    found = read_located(text, ".yaml", "f")
    assert found.value["all"] == {"x": 0, "y": 1, "z": 2}
    assert (found.lines["all", "x"], found.lines["all", "z"]) == (3, 2)


def test_yaml_keys_and_dates_are_the_text_that_was_written() -> None:
    found = read_located("on: yes\n1: 2024-01-01\n=: =\n'<<': <<", ".yaml", "f")
    assert found.value == {"on": True, "1": "2024-01-01", "=": "=", "<<": "<<"}


def test_an_empty_yaml_file_has_no_value_and_no_line() -> None:
    for text in ("", "# nothing\n", "---\n...\n# x"):
        found = read_located(text, ".yaml", "f")
        assert found.value is None
        assert len(found.lines) <= 1
    assert str(read_located("", ".yaml", "f").wrong((), "says nothing")) == "f:1: says nothing"


def test_an_error_points_at_the_nearest_place_above() -> None:
    found = read_located("a:\n  - b: 1", ".yaml", "f")
    wrong = found.wrong(("a", 0, "b", "c"), "is missing")
    assert (str(wrong), wrong.data["line"]) == ("f:2: a[1].b.c: is missing", 2)
    unknown = found.unknown(("a",), "key", "a", ["b", "aa"])
    assert str(unknown) == "f:1: a: no key 'a'. Did you mean 'aa'?"
    assert unknown.data["nearest"] == "aa"
    assert str(found.unknown((), "key", "x", ["yy", "z"])) == "f:1: no key 'x'. Known: yy, z"
    assert spelled(("a", 0, 1, "b")) == "a[1][2].b"


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".toml", "a = '''" + "x'\n" * 300_000 + "'''"),
        (".toml", 'a = "' + "\\\\" * 400_000 + '"'),
        (".toml", '"a" = ' + " " * 900_000 + "1"),
        (".toml", "\n" + (" " * 1000 + "\n") * 900),
        (".json", '["' + '\\"' * 400_000 + '"]'),
        (".json", " " * 900_000 + "1"),
        (".yaml", "a: '" + "x " * 400_000 + "'"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_the_largest_file_is_read_in_a_moment(suffix: str, text: str) -> None:
    started = time.perf_counter()
    read_located(text, suffix, "f")
    assert time.perf_counter() - started < 5


def test_a_format_is_loaded_only_for_those_who_write_it() -> None:
    program = (
        "import sys\nfrom workbench.located import read_located\n"
        "read_located('{}', '.json', 'f')\n"
        "loaded = {'yaml', 'tomllib'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
