"""`workbench.plain`: nothing that steers or hides gets through, and plain text is not touched."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from workbench.plain import one_line, plain

VISIBLE = {"\n", "\t"}


@given(st.text())
def test_no_character_that_steers_or_hides_is_left(text: str) -> None:
    shown = plain(text)
    for char in shown:
        assert char in VISIBLE or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    assert one_line(one_line(text)) == one_line(text)


@given(st.text(alphabet=st.characters(categories=["L", "Nd", "Po", "Sm"], max_codepoint=0x500)))
def test_letters_digits_and_signs_stay_as_they_are(text: str) -> None:
    assert plain(text) == text


@given(st.text(), st.text())
def test_a_sequence_split_over_two_chunks_is_the_same_as_whole(one: str, two: str) -> None:
    assert plain(one) + plain(two) == plain(one + two)


def test_every_character_is_judged_alike_alone_and_in_a_text_of_any_kind() -> None:
    planes = (0, 1, 2, 14)
    for first in (plane << 16 | block for plane in planes for block in range(0, 0x10000, 0x400)):
        block = "".join(map(chr, range(first, first + 0x400)))
        alone = "".join(map(plain, block))
        assert plain(block) == alone
        assert plain(f"{block}\U0001f600") == f"{alone}\U0001f600"
    ascii_only = "".join(map(chr, range(128))) * 3
    assert plain(ascii_only) == "".join(map(plain, ascii_only))


def test_escape_sequences_are_spelled_out() -> None:
    assert plain("\x1b]52;c;aGk=\x07 \x9b2J") == "\\x1b]52;c;aGk=\\x07 \\x9b2J"


def test_direction_zero_width_tags_and_selectors_are_spelled_out() -> None:
    hidden = "a\u202eb\u200bc\U000e0041d\ufe0fe\ufeff\u2066"
    assert plain(hidden) == "a\\u202eb\\u200bc\\U000e0041d\\ufe0fe\\ufeff\\u2066"


def test_a_carriage_return_cannot_overwrite_what_stood_there() -> None:
    assert plain("rm -rf /\recho ok") == "rm -rf /\\recho ok".replace("\\r", "\\x0d")


def test_lone_surrogates_are_spelled_out_so_that_the_terminal_can_be_written_to() -> None:
    plain("\udce4").encode("utf-8")


def test_newline_and_tab_stay_in_texts_and_are_spelled_out_in_rows() -> None:
    assert plain("a\n\tb") == "a\n\tb"
    assert one_line("a\n\tb") == "a\\n\\tb"


def test_wide_and_accented_letters_stay() -> None:
    assert plain("naïve 漢字 Ω") == "naïve 漢字 Ω"
