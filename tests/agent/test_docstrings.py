"""Google docstrings as models should read them."""

from __future__ import annotations

import inspect

from workbench.agent.docstrings import argument_texts, summary

TEXT = inspect.cleandoc(
    """Find a thing.

    Slowly: but well.

    Args:
        what: The thing,
            wherever it is: in full.
        where (str): The place.
        *more: Others.

    Returns:
        found: Not a parameter.
    """
)


def test_the_summary_ends_where_the_sections_begin() -> None:
    assert summary(TEXT) == "Find a thing.\n\nSlowly: but well."
    assert summary("") == ""


def test_each_parameter_has_its_text_in_one_line() -> None:
    assert argument_texts(TEXT) == {
        "what": "The thing, wherever it is: in full.",
        "where": "The place.",
        "more": "Others.",
    }
    assert argument_texts("Nothing said.") == {}
