"""Text of other people: what steers a terminal is taken out, and cells are counted, not signs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from tests.ui.feed_session import make_run
from trainer.states import RunState
from tui.formatting import cells_of, padded, padded_left, shortened
from tui.row_words import cursor_words, tooltip_words
from tui.safe_text import SteeringFilter

BLACK = Color(0, 0, 0)


def test_what_steers_a_terminal_is_taken_out_and_nothing_else() -> None:
    names = ["a\x1b[31mred\x1b]0;title\x07", "\u202ereversed", "検索 🚀👩\u200d🔬 تجربة é"]
    line = [Segment(name) for name in names]
    shown = [segment.text for segment in SteeringFilter().apply(line, BLACK)]
    assert shown == ["a[31mred]0;title", "reversed", names[2]]
    assert [cell_len(text) for text in shown] == [cell_len(name) for name in names], "no column moves"
    harmless = [Segment("plain"), Segment("größe ●")]
    assert SteeringFilter().apply(harmless, BLACK) is harmless


@pytest.mark.parametrize("text", ["plain text", "検索実験の比較", "🚀🚀🚀 go", "e\u0301e\u0301e\u0301"])
def test_texts_are_cut_and_padded_to_cells(text: str) -> None:
    for width in range(12):
        cut = shortened(text, width)
        assert cells_of(cut) <= width and (cut == text or width == 0 or cut.endswith("…"))
        assert cell_len(padded(cut, 12)) == cell_len(padded_left(cut, 12)) == 12


def test_a_row_tells_why_its_run_was_stopped() -> None:
    assert cursor_words(None) == cursor_words(make_run(1, 0.5)) == ""
    why = "early_terminate: at band 9: 0.41 is worse than 0.62"
    run = replace(make_run(2, 0.4, RunState.KILLED), stop_reason=why, notes="too\nwide")
    assert cursor_words(run) == "stopped early at band 9: 0.41 is worse than 0.62 · too wide"
    assert tooltip_words(run).splitlines() == [
        "rose-sweep-2", "■ killed · 2.0s · lab-7", "stopped early at band 9: 0.41 is worse than 0.62", "#nightly",
        "too wide",
    ]  # fmt: skip
