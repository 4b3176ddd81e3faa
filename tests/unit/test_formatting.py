from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from trainer.records import Json
from trainer.states import AgentState, RunState, SweepState
from tui.formatting import (
    TONES,
    age_text,
    agent_label,
    count_text,
    duration_text,
    metric_text,
    number_text,
    on_one_line,
    rate_text,
    run_label,
    seconds_text,
    shortened,
    sweep_label,
    value_text,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.981481, "0.9815"),
        (0.98, "0.9800"),
        (0.0, "0.0000"),
        (12.345678, "12.346"),
        (123456.789, "123456.8"),
        (5000.0, "5000"),
        (0.0000123, "1.230e-05"),
        (1.5e9, "1.500e+09"),
        (-0.5, "-0.5000"),
        (7, "7"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_a_measured_value_keeps_the_digits_that_tell_runs_apart(value: float | None, text: str) -> None:
    assert metric_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.001, "0.001"),
        (1e-5, "1e-05"),
        (1 / 3, "0.3333"),
        (64, "64"),
        (12345.0, "12345"),
        (2.0, "2"),
        (1e12, "1e+12"),
        (10**20, "100000000000000000000"),
    ],
)
def test_a_chosen_value_reads_as_people_write_it(value: float, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "None"),
        ("two\nlines  here", "two lines here"),
        ([1, "a"], '[1, "a"]'),
        ({"lr": 0.1}, '{"lr": 0.1}'),
    ],
)
def test_any_json_value_fits_on_one_line(value: Json, text: str) -> None:
    assert value_text(value) == text


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert value_text("abcdefgh", limit=5) == "abcd…"
    assert shortened("abc", 3) == "abc"
    assert shortened("abc", 0) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (math.inf, "–"),
        (-3.0, "0.0s"),
        (0.42, "0.4s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.7, "1m00s"),
        (185.0, "3m05s"),
        (7620.0, "2h07m"),
        (3 * 86400 + 4 * 3600, "3d04h"),
    ],
)
def test_a_duration_shows_two_units_at_most(seconds: float | None, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_ticking_duration_has_no_tenths() -> None:
    assert seconds_text(4.6) == "5s"
    assert seconds_text(9.97) == "10s"
    assert seconds_text(None) == "–"


def test_an_age_counts_from_the_given_now() -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert age_text(now - timedelta(seconds=75), now) == "1m15s"
    assert age_text(None, now) == "–"


def test_counts_and_rates_read_as_words() -> None:
    assert count_text(1, "run") == "1 run"
    assert count_text(12000, "run") == "12,000 runs"
    assert rate_text(0.5) == "30 runs/min"
    assert rate_text(1 / 3600) == "1.0 runs/h"
    assert rate_text(1 / 86400 / 10) == "0.1 runs/day"
    assert rate_text(None) == "–"


def test_every_state_has_a_glyph_and_word_of_its_own() -> None:
    for labels in (
        [run_label(state) for state in RunState],
        [sweep_label(state) for state in SweepState],
        [agent_label(state) for state in AgentState],
    ):
        assert len({str(label) for label in labels}) == len(labels)
        assert all(label.tone in TONES and len(label.glyph) == 1 for label in labels)


def test_a_text_of_several_lines_is_told_on_one() -> None:
    assert on_one_line("a note\nof two\r\nor three") == "a note ↵ of two ↵ or three"
    assert on_one_line("a note") == "a note"
