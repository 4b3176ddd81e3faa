from __future__ import annotations

import pytest
from rich.cells import cell_len

from tui.chart_scale import XAxis
from tui.chart_series import ChartSeries
from tui.chart_words import chart_words, parallel_words
from tui.curve_charts import ChartContent
from tui.parallel_axes import ABSENT, Axis
from tui.plain_text import plain, plain_key

CURVE = ChartSeries("1", "rose", "", ((1.0, 0.61), (27.0, 0.95), (30.0, 0.94)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("● running · 3 left  ·  done…", "* running,  3 left,    done."),
        ("╭─ Runs ─╮│▇⣿│", "   Runs       "),
        ("größer 検索 🦜", "größer 検索 🦜"),
        ("🔎 x", "   x"),
    ],
)
def test_what_we_draw_becomes_ascii_and_what_users_write_stays(text: str, words: str) -> None:
    assert plain(text) == words
    assert cell_len(plain(text)) == cell_len(text)


def test_keys_are_words() -> None:
    assert [plain_key(key) for key in ("⏎", "^n", "^", "f2", "↑")] == ["enter", "ctrl+n", "^", "f2", "up"]


def test_a_chart_is_told_in_sentences_and_shorter_where_there_are_many() -> None:
    content = ChartContent((CURVE, ChartSeries("2", "lily", "", ((4.0, 0.5),))), XAxis.COUNT)
    assert chart_words(content, 200, 10).splitlines() == [
        "1 rose: from 0.6100 to 0.9400 over 3 points, lowest 0.6100 at 1, highest 0.9500 at 27",
        "2 lily: 0.5000 at 4",
    ]
    many = ChartContent(tuple(ChartSeries(str(n), "rose", "", CURVE.points) for n in range(12)), XAxis.COUNT)
    lines = chart_words(many, 60, 5).splitlines()
    assert lines[0] == "0 rose: 0.9400, from 0.6100 to 0.9500"
    assert lines[-1] == "and 8 more" and len(lines) == 5
    pieces = tuple(ChartSeries("", "each", "", ((float(n), float(n)),), is_dots=True) for n in range(5))
    assert chart_words(ChartContent(pieces, XAxis.COUNT), 200, 9) == (
        "each: 5 values from 0.0000 to 4.0000, median 2.0000, highest at 4"
    )


def test_parallel_coordinates_are_a_table_of_the_kept_runs() -> None:
    axes = [Axis("lr", (0.0, 1.0, ABSENT), 0.0, 1.0), Axis("loss", (0.5, 1.0, 0.0), 2.0, 0.0)]
    text = parallel_words(axes, [1, 0, 2], [0, 1, 2], 60, 20)
    assert text.splitlines() == ["rank  loss  lr", "   1  0     1", "   2  1     0", "   3  2     –"]
    assert parallel_words(axes, [1, 0, 2], [0, 2], 12, 4).splitlines() == [
        "rank  loss", "   1  1", "and 1 run more", "no room for lr",
    ]  # fmt: skip
