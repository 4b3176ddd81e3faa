from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.test_feeds import make_sweep
from trainer.filter_hints import completions, filter_note
from trainer.records import Json, Metric, SweepRecord, SweepReference
from trainer.run_filter import parse_run_filter
from trainer.states import SweepState
from trainer.sweep_filter import matching_sweeps, sweep_keys
from trainer.tracking.sweeps_as_one import combined, labels_of, shared_metric

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SWEEPS = [
    make_sweep(
        reference=SweepReference("me", "wine", "abc1"), name="wine-grid", best_value=0.95, run_count=4,
        created_at=NOW - timedelta(hours=1),
    ),
    make_sweep(
        reference=SweepReference("me", "iris", "abc2"), name="Iris forest", method="bayes", state=SweepState.PAUSED,
        metric=Metric("loss", "minimize"), best_value=0.2, run_count=9, created_at=NOW - timedelta(days=3),
        config={"program": "fit.py", "parameters": {"model": {"value": "forest"}, "lr": {"min": 0.1, "max": 1.0}}},
    ),
    make_sweep(
        reference=SweepReference("me", "wine-2", "abc3"), name="old", method="random", state=SweepState.FINISHED,
        metric=None, best_value=None, config={}, created_at=None, run_count_expected=None,
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", "123"), ("wine", "13"), ("WINE grid", "1"), ("abc2", "2"), ("paused", "2"), ("accuracy", "1"),
        ("state=running", "1"), ("state!=finished", "12"), ("project=wine", "1"), ("project~wine", "13"),
        ("best>=0.9", "1"), ("best<0.5", "2"), ("method=bayes|random", "23"), ("not method=grid", "23"),
        ("runs>5", "2"), ("left=5", "1"), ("goal=minimize", "2"), ("metric~acc or loss", "12"),
        ("age<2h", "1"), ("age>2d", "2"), ("created>2026-11-27", "1"), ("model=forest", "2"), ("has:lr", "12"),
        ("lr<=0.1", "12"), ("depth=5", "1"), ("program~fit", "2"), ('name="iris forest"', "2"), ("nothing", ""),
    ],
)  # fmt: skip
def test_sweeps_are_found_by_what_is_known_of_them(text: str, ids: str) -> None:
    assert "".join(sweep.reference.id[-1] for sweep in matching_sweeps(SWEEPS, text, NOW)) == ids


def test_keys_and_values_are_completed_and_what_is_misspelt_is_said() -> None:
    keys = sweep_keys(SWEEPS)
    assert [each.word for each in completions("project=w", keys)] == ["wine", "wine-2"]
    assert [each.word for each in completions("method=", keys)] == ["bayes", "grid", "random"]
    assert "has:" in [each.word for each in completions("ha", keys)]
    assert "learning" not in filter_note(parse_run_filter("optimizer.lr>0.1"), keys)
    assert filter_note(parse_run_filter("methd=grid"), keys) == "Nothing is called methd; did you mean method?"


def test_what_most_sweeps_optimise_ranks_and_a_conflict_is_said_in_words() -> None:
    accuracy = [make_sweep(reference=SweepReference("me", "p", str(n)), name=f"s{n}") for n in range(3)]
    against = make_sweep(reference=SweepReference("me", "p", "x"), name="upside", metric=Metric("accuracy", "minimize"))
    assert shared_metric(accuracy).note == ""
    found = shared_metric([against, *accuracy])
    assert found.metric == Metric("accuracy", "maximize")
    assert found.note == "upside minimizes accuracy, the others maximize it: the greatest comes first."
    assert shared_metric([against, *accuracy], "accuracy", "minimize").metric == Metric("accuracy", "minimize")
    assert shared_metric([SWEEPS[1], SWEEPS[0]]).metric == Metric("loss", "minimize"), "the first where none leads"
    assert "names none" in shared_metric([accuracy[0], SWEEPS[2]]).note
    assert shared_metric([SWEEPS[2]]).metric is None


def test_several_sweeps_as_one_vary_in_whatever_they_do_not_share() -> None:
    one = make_sweep(config={"method": "grid", "parameters": {"data": {"value": "wine"}, "lr": {"values": [1, 2]}}})
    two = make_sweep(
        config={"method": "grid", "parameters": {"data": {"value": "iris"}, "lr": {"value": 1}, "depth": {"value": 3}}},
        reference=SweepReference("local", "iris", "def"), state=SweepState.FINISHED,
        run_count=7, run_count_expected=None,
    )  # fmt: skip
    whole = combined([one, two], Metric("accuracy", "maximize"))
    assert whole.config["parameters"] == {
        "data": {"values": ["wine", "iris"]}, "lr": {"values": [1, 2]}, "depth": {"value": 3},
    }  # fmt: skip
    assert (whole.state, whole.run_count_expected, whole.reference.project) == (SweepState.RUNNING, None, "wine+iris")
    assert whole.parts == (one.reference, two.reference)
    assert list(labels_of([one, two]).values()) == ["wine-grid (abc)", "wine-grid (def)"]


def test_several_sweeps_as_one_go_on_as_what_they_agree_in_and_search_what_any_of_them_does() -> None:
    def sweep_of(number: int, lr: dict[str, Json], depth: dict[str, Json], **top: Json) -> SweepRecord:
        config: dict[str, Json] = {
            "program": "t.py",
            "method": "random",
            "parameters": {"lr": lr, "depth": depth},
            **top,
        }
        return make_sweep(reference=SweepReference("local", "wine", f"s{number}"), config=config)

    low: dict[str, Json] = {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-2}
    one = sweep_of(1, low, {"values": [2, 4]}, description="Seeds: draw")
    two = sweep_of(2, {**low, "min": 1e-3, "max": 0.1}, {"value": 8}, command=["x"])
    config = combined([one, two], Metric("loss")).config
    assert config["parameters"] == {"lr": {**low, "max": 0.1}, "depth": {"values": [2, 4, 8]}}
    assert config["program"] == "t.py" and "command" not in config
    assert config["metric"] == {"name": "loss", "goal": "minimize"} and config["description"] == "Seeds: draw"
    odd = combined([one, sweep_of(3, {"distribution": "normal", "mu": 0, "sigma": 1}, {"values": [4]})], None).config
    assert odd["parameters"] == {"lr": low, "depth": {"values": [2, 4]}} and "metric" not in odd
