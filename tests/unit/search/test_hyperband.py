from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from trainer.errors import SweepConfigError
from trainer.search.hyperband import RunCurve, bands, runs_to_stop, why_stopped


def config(goal: str = "minimize", **keys: Any) -> dict[str, Any]:
    early = {"type": "hyperband", **keys}
    return {"method": "random", "metric": {"name": "loss", "goal": goal}, "early_terminate": early, "parameters": {}}


def curves(**values: list[float]) -> list[RunCurve]:
    """Make a curve of each; names in capitals are still running."""
    return [RunCurve(name, logged, is_running=name.isupper()) for name, logged in values.items()]


def stopped(config: dict[str, Any], runs: list[RunCurve]) -> list[str]:
    return [decision.run_id for decision in runs_to_stop(config, runs)]


@pytest.mark.parametrize(
    ("keys", "first"),
    [
        ({"max_iter": 27, "s": 2}, [3, 9]),
        ({"max_iter": 27, "s": 9}, [1, 3, 9]),
        ({"max_iter": 5, "s": 2, "eta": 2}, [1, 2]),
        ({"min_iter": 3}, [3, 9, 27, 81]),
        ({"min_iter": 3, "eta": 1.5}, [3, 4, 6, 10]),
        ({"max_iter": 27, "s": 1, "min_iter": 2}, [9]),
    ],
)
def test_bands_are_where_wandb_puts_them(keys: dict[str, Any], first: list[int]) -> None:
    made = bands(config(**keys))
    assert made[: len(first)] == first
    assert len(made) == (100 if "max_iter" not in keys else len(first))


def test_a_sweep_without_early_terminate_stops_nothing() -> None:
    assert bands({"method": "grid"}) == []
    assert runs_to_stop({"method": "grid"}, curves(A=[1.0] * 9)) == []


@pytest.mark.parametrize("keys", [{"max_iter": 2, "s": 5}, {"max_iter": 27}, {"type": "median", "min_iter": 3}, {}])
def test_rules_that_cannot_be_followed_are_an_error(keys: dict[str, Any]) -> None:
    with pytest.raises(SweepConfigError):
        bands(config(**keys))


def test_without_a_metric_it_is_an_error() -> None:
    with pytest.raises(SweepConfigError, match="metric"):
        bands({"early_terminate": {"type": "hyperband", "min_iter": 3}})


def test_runs_above_the_threshold_of_their_last_band_are_stopped() -> None:
    # Bands 1 and 2. At 1: 10, 9, 8, 7, 6 -> place int(5 / 2) = 2 -> 8. At 2: 8, 7, 6 -> place 1 -> 7.
    runs = curves(a=[9], B=[10], C=[8, 8], D=[7, 7], e=[6, 6])
    decisions = runs_to_stop(config(max_iter=5, eta=2, s=2), runs)
    assert [(decision.run_id, decision.band, decision.threshold, decision.value) for decision in decisions] == [
        ("B", 1, 8, 10),
        ("C", 2, 7, 8),
    ]
    assert decisions[0].reason == "at band 1 (1 value logged): 10, above the best half (8)"
    ended = [RunCurve(run.run_id, run.values, is_running=False) for run in runs]
    assert why_stopped(config(max_iter=5, eta=2, s=2), ended, "C") == decisions[1]
    assert why_stopped(config(max_iter=5, eta=2, s=2), ended, "D") is None


def test_a_maximised_metric_is_turned_round() -> None:
    runs = curves(a=[9], B=[2], C=[8])
    decisions = runs_to_stop(config("maximize", max_iter=3, s=1), runs)
    assert [(decision.run_id, decision.threshold, decision.value) for decision in decisions] == [("B", 8, 2)]


def test_strict_looks_at_the_band_and_lenient_at_the_best_so_far() -> None:
    runs = curves(a=[5, 1, 1], b=[5, 2, 2], C=[0.5, 9, 9])
    assert stopped(config(min_iter=2), runs) == ["C"]
    assert stopped(config(min_iter=2, strict=True), runs) == ["C"]
    assert stopped(config(min_iter=2, strict=False), runs) == []


def test_a_band_is_reached_with_as_many_values_as_its_number() -> None:
    good, bad = [0.0] * 9, [9.0] * 2
    assert stopped(config(min_iter=3), curves(a=good, b=good, c=good, D=bad)) == []
    assert stopped(config(min_iter=3), curves(a=good, b=good, c=good, D=[*bad, 9.0])) == ["D"]


def test_values_that_are_no_numbers_are_dropped_and_shift_the_rest() -> None:
    bad = [9.0, math.nan, math.inf, 9.0]
    assert stopped(config(min_iter=3), curves(a=[0.0] * 5, b=[0.0] * 5, C=bad)) == []
    assert stopped(config(min_iter=3), curves(a=[0.0] * 5, b=[0.0] * 5, C=[*bad, 9.0])) == ["C"]


def test_only_running_runs_are_stopped_and_the_first_alone_is_not() -> None:
    assert stopped(config(min_iter=1), curves(a=[1], b=[9])) == []
    assert stopped(config(min_iter=1), curves(A=[9])) == []
    assert stopped(config(min_iter=1), []) == []


def test_the_stopped_runs_are_those_that_wandbs_engine_stops() -> None:
    # Recorded from sweeps 0.3.0 (hyperband_stop_runs over random histories, with NaN and infinity).
    recorded = json.loads(Path(__file__).with_name("engine_stops.json").read_text())
    assert len(recorded) == 40
    for case in recorded:
        sweep = config(case["goal"], **case["early_terminate"])
        assert stopped(sweep, [RunCurve(*curve) for curve in case["curves"]]) == case["stopped"]
