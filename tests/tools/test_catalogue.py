from __future__ import annotations

import pytest

from workbench.errors import InputError
from workbench.permission.danger import Danger
from workbench.tools.catalogue import BUILT_IN
from workbench.workflow.effects import Repeat

SEEDS = (
    "read_file write_file delete_file list_directory file_exists bash_command "
    "http_get http_post http_put http_delete fetch_url extract_links"
)


def test_the_twelve_tools_and_two_more_are_there() -> None:
    assert set(BUILT_IN) == {
        *SEEDS.split(),
        "edit_file",
        "search_files",
        "read_media",
        "fetch_media",
    }


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_tool_is_told_to_a_model_by_a_closed_schema(name: str) -> None:
    tool = BUILT_IN[name]
    assert tool.name == name
    assert tool.description.endswith(".")
    assert tool.parameters["additionalProperties"] is False
    assert set(tool.parameters["required"]) <= set(tool.parameters["properties"])


def test_what_a_second_attempt_would_do_is_declared_for_each() -> None:
    classes = {name: tool.repeat for name, tool in BUILT_IN.items()}
    for name in ("write_file", "edit_file", "delete_file"):
        assert classes.pop(name) is Repeat.PROBEABLE
    for name in ("bash_command", "http_post", "http_put", "http_delete"):
        assert classes.pop(name) is Repeat.UNSAFE
    assert set(classes.values()) == {Repeat.PURE}


def test_the_least_level_of_a_deletion_is_high_and_of_a_look_safe() -> None:
    assert BUILT_IN["delete_file"].floor is Danger.HIGH
    assert BUILT_IN["http_delete"].floor is Danger.HIGH
    assert BUILT_IN["read_file"].floor is Danger.SAFE
    assert BUILT_IN["write_file"].floor is Danger.MEDIUM


def test_a_misspelt_argument_is_named_with_the_nearest_right_one() -> None:
    with pytest.raises(InputError, match="contents") as raised:
        BUILT_IN["write_file"].read({"path": "a", "contents": "b"})
    assert "content" in str(raised.value)
