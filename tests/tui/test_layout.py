"""`workbench.tui.layout`: panes fill every size without gaps or overlaps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.tui.layout import PANES, Box, PaneName, Wanted, arrange, mode_of

SIZES = st.tuples(st.integers(80, 400), st.integers(21, 200))
WANTED = st.builds(
    Wanted,
    shown=st.sampled_from(PANES[:5]),
    zoomed=st.none() | st.sampled_from(PANES[:5]),
    waiting=st.integers(0, 9),
    inbox_open=st.booleans(),
)


@given(SIZES, WANTED)
def test_boxes_cover_the_area_exactly_once(size: tuple[int, int], wanted: Wanted) -> None:
    width, height = size
    boxes = list(arrange(width, height, wanted).values())
    assert sum(box.width * box.height for box in boxes) == width * height
    for box in boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= width
        assert box.y + box.height <= height
    for number, one in enumerate(boxes):
        assert not any(overlap(one, other) for other in boxes[number + 1 :])


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize(
    ("size", "mode"),
    [
        ((140, 40), "wide"),
        ((139, 40), "medium"),
        ((100, 30), "medium"),
        ((99, 40), "narrow"),
        ((160, 29), "narrow"),
        ((80, 24), "narrow"),
        ((79, 24), "small"),
        ((80, 23), "small"),
    ],
)
def test_the_arrangement_goes_by_the_size(size: tuple[int, int], mode: str) -> None:
    assert mode_of(*size) == mode


@pytest.mark.parametrize("name", ["agents", "checkpoints", "trace", "detail"])
def test_a_zoomed_pane_stands_alone_with_the_inbox(name: PaneName) -> None:
    assert set(arrange(160, 42, Wanted(zoomed=name))) == {name, "inbox"}


def test_the_inbox_is_one_line_while_nothing_waits_and_most_of_the_screen_while_it_is_used() -> (
    None
):
    assert arrange(160, 42, Wanted())["inbox"].height == 1
    assert arrange(160, 42, Wanted(waiting=2))["inbox"].height == 5
    assert arrange(160, 42, Wanted(waiting=2, inbox_open=True))["inbox"].height == 25
    assert arrange(80, 21, Wanted(waiting=2))["inbox"].height == 1
