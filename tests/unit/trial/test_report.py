"""What a trial found out, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from trainer.records import HistoryPoint, Json
from trainer.search.cost import START_SECONDS
from trainer.trial.report import Ending, TrialReport, TrialRun, config_changes


def trial_run(ending: Ending = Ending.ENOUGH, rows: int = 5, **changes: Any) -> TrialRun:
    history = tuple(HistoryPoint(step, {"acc": 0.5}, 1.0 + 0.5 * step) for step in range(rows))
    run = TrialRun(
        1, {"lr": 0.1}, ("python", "t.py"), ending, 6.0, run_seconds=4.0, history=history,
        metrics=("acc",) if rows else (), metric="acc",
    )  # fmt: skip
    return replace(run, **changes)


@pytest.mark.parametrize(
    ("run", "headline"),
    [
        (trial_run(), "✓ runs: stopped after 5 rows, at 6.0 s"),
        (trial_run(Ending.FINISHED), "✓ ended by itself after 6.0 s, 5 rows logged"),
        (trial_run(Ending.FINISHED, rows=0), "✓ ended by itself after 6.0 s, nothing logged"),
        (trial_run(Ending.TIME, rows=1), "✓ still at work after 6.0 s, 1 row logged; stopped"),
        (
            trial_run(Ending.TIME, rows=0),
            "! logged nothing within 6.0 s and was stopped: it hangs, or needs longer to begin",
        ),
        (trial_run(Ending.STOPPED), "! stopped by you after 6.0 s, 5 rows logged"),
        (
            trial_run(Ending.FAILED, failure="ValueError at t.py:3: no", failure_kind="unknown"),
            "✗ failed after 6.0 s: ValueError at t.py:3: no [unknown]",
        ),
        (trial_run(metric_problem="the metric acc was never logged"), "! runs: stopped after 5 rows, at 6.0 s"),
    ],
)  # fmt: skip
def test_an_end_is_told_in_one_sentence(run: TrialRun, headline: str) -> None:
    assert run.headline() == headline


def test_what_became_of_the_metric_is_told() -> None:
    assert trial_run().notes()[0] == "The sweep's metric acc was logged; it logged acc."
    missing = trial_run(metric="accuracy", metric_problem="the metric accuracy was never logged")
    assert missing.notes()[0] == "The sweep's metric accuracy was not logged yet; it logged acc. Did you mean acc?"
    assert missing.is_good and not replace(missing, ending=Ending.FINISHED).is_good
    nan = trial_run(Ending.FINISHED, metric_problem="the metric acc ended as NaN")
    assert nan.notes()[0] == "The metric acc ended as NaN; it logged acc."
    mute = trial_run(Ending.FINISHED, rows=0, began=False)
    assert mute.notes()[0] == "It never called wandb.init, so the sweep would see nothing of it."
    assert not mute.is_good
    offline = replace(mute, offline="WANDB_MODE=offline")
    assert offline.notes()[0] == "Nothing it logs reaches the server: WANDB_MODE=offline is set."
    many = trial_run(metrics=tuple(f"m{number}" for number in range(11)), metric="")
    assert many.notes()[0] == "It logged m0, m1, m2, m3, m4, m5, m6, m7 and 3 more."


def test_steps_changes_leftovers_and_firm_stops_are_told() -> None:
    run = trial_run(changed=("lr is 0.2, given 0.1",), leftovers="sleep (12), killed", stop_step="killed")
    assert run.notes()[1:] == [
        "A step takes about 500 ms; the first was logged after 1.0 s.",
        "The program changed its configuration: lr is 0.2, given 0.1.",
        "It did not end when asked to and had to be killed: agents would wait for it too.",
        "It left processes behind: sleep (12), killed.",
    ]


def test_a_value_that_only_changed_its_kind_is_no_change() -> None:
    given: dict[str, Json] = {"lr": "1e-3", "model": {"depth": 3, "width": 8}, "gone": 1}
    assert config_changes(given, {"lr": 0.001, "model": {"depth": 4, "width": 8}, "new": 2}) == (
        "model.depth is 4, given 3",
    )


def test_a_run_that_ended_tells_what_one_takes() -> None:
    known = TrialReport((trial_run(Ending.FINISHED), trial_run(Ending.FINISHED, run_seconds=2.0)), 2).run_time()
    assert known is not None and known.is_whole
    assert (known.seconds, known.count, known.start_seconds, known.step_seconds) == (3.0, 2, START_SECONDS, 0.5)
    fresh = TrialReport((trial_run(Ending.FINISHED),), 1, is_warm=False).run_time()
    assert fresh is not None and fresh.start_seconds == 2.0


def test_a_run_cut_short_tells_the_least_unless_its_epochs_are_known() -> None:
    least = TrialReport((trial_run(),), 1).run_time()
    assert least is not None and not least.is_whole and least.seconds == 4.0
    guessed = TrialReport((trial_run(config={"train": {"epochs": 101}}),), 1).run_time()
    assert guessed is not None and guessed.is_whole and guessed.seconds == pytest.approx(51.0)
    assert guessed.basis() == "51 s a run, from a trial cut short"
    assert TrialReport((trial_run(Ending.FAILED),), 1).run_time() is None


def test_a_trial_of_several_names_those_that_do_not_work() -> None:
    good, bad = trial_run(Ending.FINISHED), trial_run(Ending.FAILED, number=3)
    assert TrialReport((good, good, bad), 3).headline() == "1 of 3 configurations do not work: number 3."
    assert TrialReport((good, good), 2).headline() == "The program works with 2 configurations."
    assert TrialReport((good,), 1).headline() == "The program works."
    assert TrialReport((bad,), 1).headline() == "The program fails."
    assert TrialReport((), 3).headline() == "Nothing was tried."
