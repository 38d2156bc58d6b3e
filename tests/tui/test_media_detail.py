"""A medium in the detail pane: one line of words, whatever it is called."""

from __future__ import annotations

from workbench.journal.events import Event
from workbench.tui.handing_out import joined
from workbench.tui.panes.detail import event_text


def test_a_picture_is_a_line_of_words_and_its_name_is_made_harmless() -> None:
    row = {"media": "image", "digest": "0" * 64, "type": "image/png", "size_bytes": 311}
    row |= {"name": "\x1b[31mred\x07.png", "width": 12, "height": 10}
    data = {"effect": "tool", "name": "read_media", "result": row}
    event = Event("r", 1, 0.0, "step.ended", "0:tool.read_media", data)
    text = "\n".join(joined([*event_text(event)(80)]))
    assert "image/png, 12x10, 311 bytes" in text
    assert "red" in text
    assert "\x1b" not in text
    assert "\x07" not in text
