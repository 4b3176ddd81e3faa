"""What a sweep costs, in words and exactly, for any size."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import pytest

from trainer.search.cost import Cost, RunTime, finish_text, newest, span_text

NOW = datetime(2026, 11, 28, 14, 30)
KNOWN = RunTime(1.8, 1.2, 3.9, 24, "earlier runs", 0.0, start_seconds=1.0)


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (Cost(9, 2, KNOWN), "about 14 s with 2 agents, done 14:30"),
        (Cost(9, 1, KNOWN, gpus_per_run=1), "about 25 s with 1 agent, done 14:30 · under 0.1 GPU-hours"),
        (Cost(300, 2, KNOWN, gpus_per_run=2), "about 7 min with 2 agents, done 14:37 · 0.5 GPU-hours"),
        (Cost(300, 2, KNOWN, stops_early=True), "up to 7 min with 2 agents, done by 14:37"),
        (Cost(10**6, 2, KNOWN), "about 16 days with 2 agents, done 14 Dec"),
        (Cost(10**18, 2, KNOWN, gpus_per_run=1), "about 4 × 10^10 years with 2 agents · 8 × 10^14 GPU-hours"),
        (Cost(10**6000, 3, KNOWN), "about 3 × 10^5992 years with 3 agents"),
        (Cost(None, 2, KNOWN), "about 2,571 runs an hour with 2 agents"),
        (Cost(None, 1, RunTime(9000, 1, 1, 1, "a trial", 0)), "about a run every 2 h 30 min with 1 agent"),
        (Cost(0, 2, KNOWN), "nothing to run"),
        (Cost(9, 2, None), "try one (f7) to know how long"),
        (Cost(9, 2, RunTime(60, 60, 60, 1, "a trial", 0, is_whole=False)), "at least 5 min with 2 agents"),
        (
            Cost(10**6, 2, KNOWN, budget_seconds=3600),
            "about 60 min with 2 agents, done 15:30 · its budget of 1h is enough for 2,572 of 1,000,000 runs",
        ),
        (Cost(9, 2, KNOWN, budget_seconds=3600), "about 14 s with 2 agents, done 14:30"),
    ],
)
def test_a_cost_is_told_in_words(cost: Cost, text: str) -> None:
    assert cost.text(NOW) == text


def test_counts_are_exact_whatever_their_size() -> None:
    cost = Cost(10**30 + 1, 10**15, KNOWN, gpus_per_run=3)
    assert cost.milliseconds == (10**15 + 1) * 2800
    assert cost.gpu_hours == Fraction((10**30 + 1) * 2800 * 3, 3_600_000)


def test_a_run_that_takes_no_time_costs_some() -> None:
    assert Cost(5, 1, RunTime(0.0, 0, 0, 1, "a trial", 0, start_seconds=0.0)).milliseconds == 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1 s"), (99, "99 s"), (100, "2 min"), (5999, "100 min"), (6000, "1 h 40 min"), (7200, "2 h"),
        (35 * 3600 + 1800, "36 h"), (86400 * 2, "2 days"), (86400 * 729, "729 days"), (86400 * 731, "2 years"),
        (3 * 10**9 * 31_556_952, "3 × 10^9 years"), (96 * 10**7 * 31_556_952 * 10, "1 × 10^10 years"),
    ],
)  # fmt: skip
def test_spans_of_any_length_can_be_read(seconds: int, text: str) -> None:
    assert span_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (120, "14:32"), (10 * 3600, "tomorrow 00:30"), (3 * 86400, "Tue 14:30"), (10 * 86400, "8 Dec"),
        (60 * 86400, "27 Jan 2027"), (10**12, ""), (10**400, ""),
    ],
)  # fmt: skip
def test_a_finish_is_as_exact_as_it_is_near(seconds: int, text: str) -> None:
    assert finish_text(NOW, seconds) == text


def test_the_basis_names_runs_and_their_spread() -> None:
    assert KNOWN.basis() == "1.8 s a run, the median of 24 earlier runs (1.2 s to 3.9 s)"
    even = RunTime(1.8, 1.7, 1.9, 24, "earlier runs", 0)
    assert even.basis() == "1.8 s a run, the median of 24 earlier runs"
    assert RunTime(75, 75, 75, 1, "a trial", 0, is_whole=False).basis() == "at least 75 s a run, from a trial"


def test_what_was_measured_last_counts() -> None:
    later = RunTime(3, 3, 3, 1, "a trial", 5.0)
    assert newest(KNOWN, None, later) is later
    assert newest(None) is None
