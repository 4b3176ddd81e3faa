from __future__ import annotations

import math
import random
from dataclasses import replace

import optuna
import pytest

from tests.unit.insight.synthetic import LOSS, a_run, a_sweep, peaked_runs
from trainer.errors import SweepConfigError
from trainer.insight.replay import HyperbandStops, MedianStops, RunHistory, replay, replay_report, run_histories
from trainer.records import Goal, HistoryPoint, Json, RunRecord
from trainer.search.hyperband import RunCurve, hyperband_rule, runs_to_stop


def histories(count: int, length: int, *, parallel: int, seed: int) -> list[RunHistory]:
    """Return runs of which `parallel` log in turns, each with its own pace."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        level, own = chance.random(), chance.randint(max(length // 2, 1), length)
        values = tuple(level + 2 * 0.7**step + chance.gauss(0, 0.05) for step in range(own))
        start, pace = (number // parallel) * 1000.0, chance.uniform(0.5, 2)
        times = tuple(start + pace * (step + 1) + number * 1e-6 for step in range(own))
        made.append(RunHistory(f"r{number}", values, tuple(range(1, own + 1)), times))
    return made


def by_brute_force(runs: list[RunHistory], config: dict[str, Json]) -> dict[str, int]:
    """Return how many values each run logs when the server's own rule is asked after every value that any run logs."""
    events = sorted((time, number, place) for number, run in enumerate(runs) for place, time in enumerate(run.times))
    logged: dict[int, list[float]] = {number: [] for number in range(len(runs))}
    stopped: set[int] = set()
    for _, number, place in events:
        if number in stopped:
            continue
        logged[number].append(runs[number].values[place])
        curves = [
            RunCurve(
                str(other), values, other not in stopped and len(values) < len(runs[other].values) or other == number
            )
            for other, values in logged.items()
        ]
        stopped |= {int(decision.run_id) for decision in runs_to_stop(config, curves)}
    return {runs[number].run_id: len(values) for number, values in logged.items()}


@pytest.mark.parametrize(
    ("entry", "goal", "parallel"),
    [
        ({"min_iter": 3}, "minimize", 4),
        ({"min_iter": 2, "eta": 2, "strict": False}, "minimize", 5),
        ({"max_iter": 27, "s": 2}, "maximize", 1),
        ({"min_iter": 1, "eta": 4}, "maximize", 30),
    ],
)
def test_replayed_hyperband_stops_what_the_servers_rule_stops(
    entry: dict[str, Json], goal: Goal, parallel: int
) -> None:
    runs = histories(30, 27, parallel=parallel, seed=parallel)
    config: dict[str, Json] = {
        "metric": {"name": "loss", "goal": goal}, "early_terminate": {"type": "hyperband", **entry},
    }  # fmt: skip
    rule = hyperband_rule(config)
    assert rule is not None
    found = replay(runs, HyperbandStops(rule), goal, "hyperband")
    lengths = by_brute_force(runs, config)
    assert found.saved_values == sum(len(run.values) - lengths[run.run_id] for run in runs)
    assert found.stopped == sum(lengths[run.run_id] < len(run.values) for run in runs) > 5
    assert found.all_values == sum(len(run.values) for run in runs)
    pick = min if goal == "minimize" else max
    best = pick(runs, key=lambda run: pick(run.values))
    kept = lengths[best.run_id]
    assert found.winner_stopped_at == (kept if kept < len(best.values) else None)
    assert found.best == pick(best.values)
    assert found.best_left == pick(pick(run.values[: lengths[run.run_id]]) for run in runs)


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_replayed_median_rule_stops_what_optunas_pruner_stops(goal: Goal) -> None:
    runs = histories(25, 15, parallel=1, seed=8)
    study = optuna.create_study(direction=goal, pruner=optuna.pruners.MedianPruner())
    lengths = []

    def played(trial: optuna.Trial) -> float:
        values = runs[trial.number].values
        for step, value in enumerate(values, start=1):
            trial.report(value, step)
            if step < len(values) and trial.should_prune():
                lengths.append(step)
                raise optuna.TrialPruned
        lengths.append(len(values))
        return values[-1]

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study.optimize(played, n_trials=len(runs))
    found = replay(runs, MedianStops(), goal, "median")
    saved = [len(run.values) - length for run, length in zip(runs, lengths, strict=True)]
    # A run that the rule would stop at its very last value has cost all it could; Optuna is not asked there.
    assert found.saved_values == sum(saved) > 20
    assert found.stopped == sum(each > 0 for each in saved)


def test_a_rule_that_stops_a_slow_starter_says_that_it_costs_the_best() -> None:
    slow = [5.0, 5.0, 5.0, 5.0, 5.0, 0.1]
    others = [[3.0 + n, 2.9 + n, 2.8 + n, 2.7 + n, 2.6 + n, 2.5 + n] for n in range(5)]
    runs = [a_run(n, {}, curve[-1], curve, seconds=1.0) for n, curve in enumerate([*others, slow])]
    report = replay_report(a_sweep(early_terminate={"type": "hyperband", "min_iter": 2}).config, runs, LOSS)
    own = report.replays[0]
    assert own.rule == "hyperband min_iter 2 (the sweep's own)"
    assert own.winner_stopped_at == 2
    assert own.loses_best
    assert (own.best, own.best_left) == (0.1, 2.5)
    assert 0 < own.saved_share < 1
    assert any("stopped runs early itself" in note for note in report.notes)


def test_the_rules_that_are_tried_are_ones_that_a_sweep_may_have() -> None:
    from trainer.sweep.validation import violations

    report = replay_report(a_sweep().config, peaked_runs(30), LOSS)
    assert len(report.replays) == 10
    for each in report.replays[:-1]:
        assert each.entry is not None
        config = {**a_sweep().config, "program": "train.py", "early_terminate": dict(each.entry)}
        assert [found for found in violations(config) if found.path.startswith("early_terminate")] == []
        assert each.all_values == 30 * 27
    assert report.replays[-1].entry is None


def test_sampled_curves_meet_bands_by_what_was_logged_not_by_the_points_that_are_left() -> None:
    # 2,000 values, each tenth of which is left: step 90 is the 91st logged value.
    run = a_run(0, {}, 1.0)
    points = tuple(HistoryPoint(step, {"loss": 1.0}) for step in (*range(0, 1990, 10), 1999))
    (history,) = run_histories([replace(run, curve=points)], LOSS)
    assert history.counts[:3] == (1, 11, 21)
    assert history.length == 2000
    # Logged every fifth step and not sampled: counted as it is.
    short = tuple(HistoryPoint(5 * step, {"loss": 1.0}) for step in range(20))
    (history,) = run_histories([replace(run, curve=short)], LOSS)
    assert history.counts == tuple(range(1, 21))


def test_what_cannot_be_replayed_is_said() -> None:
    def once(number: int) -> RunRecord:
        return a_run(number, {}, 1.0, [1.0])

    config = a_sweep().config
    assert "each run logged it once" in replay_report(config, [once(n) for n in range(5)], LOSS).problem
    assert "no run has logged it" in replay_report(config, [a_run(0, {}, None, [math.nan])], LOSS).problem
    assert "Too few runs" in replay_report(config, peaked_runs(2), LOSS).problem
    with pytest.raises(SweepConfigError, match="min_iter"):
        replay_report({**config, "early_terminate": {"type": "hyperband"}}, peaked_runs(5), LOSS)
