from __future__ import annotations

import math
import random
import statistics
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, t

from tests.unit.insight.synthetic import LOSS, a_run, a_sweep, peaked_runs
from trainer.insight.confidence import grouped, ties
from trainer.insight.features import RunTable, run_table
from trainer.insight.intervals import student_quantile
from trainer.insight.pareto import pareto_places, pareto_runs
from trainer.records import Goal, Json, Metric, RunRecord
from trainer.sweep.seed_names import Seeds, declared_seeds, is_seed, with_declared, without_declared

PARAMETERS: dict[str, Json] = {"lr": {"values": [0.1, 0.2, 0.3]}, "seed": {"min": 0, "max": 100_000}}


def seeded(means: dict[float, float], repeats: int, noise: float, seed: int = 0) -> list[RunRecord]:
    """Return `repeats` runs of each lr, their loss around its mean."""
    chance = random.Random(seed)
    pairs = [(lr, mean) for lr, mean in means.items() for _ in range(repeats)]
    return [
        a_run(number, {"lr": lr, "seed": number}, chance.gauss(mean, noise)) for number, (lr, mean) in enumerate(pairs)
    ]


def table_of(runs: list[RunRecord], goal: Goal = "minimize") -> RunTable:
    return run_table(a_sweep(PARAMETERS, goal), runs, Metric("loss", goal), "last")


def test_seeds_are_told_from_parameters() -> None:
    assert all(map(is_seed, ["seed", "random_state", "data.seed", "SEED", "train_seed", "fold", "cv.fold", "seed_id"]))
    assert all(map(is_seed, ["rng", "my_rng", "split_id", "data.split_index", "repetition", "replica"]))
    assert not any(map(is_seed, ["seedling", "lr", "n_folds", "state", "unseeded_rate", "speed", "split", "fringe"]))


def test_a_sweep_says_in_its_description_which_parameters_are_seeds() -> None:
    text = with_declared("Trees on wine.", ["shuffle", "data.draw"])
    assert text == "Trees on wine.\nSeeds: shuffle, data.draw"
    assert declared_seeds({"description": f"{text}."}) == {"shuffle", "data.draw"}
    assert with_declared(text, ["shuffle"]) == text
    assert without_declared(text, ["shuffle", "other"]) == "Trees on wine.\nSeeds: data.draw"
    assert without_declared("Seeds: shuffle", ["shuffle"]) == ""
    assert declared_seeds({"description": "Seeds are many."}) == declared_seeds({"description": 3}) == frozenset()
    runs = [
        a_run(number, {"lr": lr, "shuffle": number}, lr + 0.001 * number)
        for number, lr in enumerate([0.1, 0.2, 0.3] * 4)
    ]
    sweep = a_sweep({"lr": {"values": [0.1, 0.2, 0.3]}, "shuffle": {"min": 0, "max": 99}})
    table = run_table(sweep, runs, Metric("loss"), "last")
    assert (ties(table).configurations, ties(table, Seeds(frozenset({"shuffle"}))).configurations) == (12, 3)
    assert ties(table, Seeds(chosen=frozenset({"lr"}))).configurations == 12


def test_groups_have_mean_count_and_students_interval() -> None:
    runs = seeded({0.1: 1.0, 0.2: 2.0}, 6, 0.3)
    groups = grouped(table_of(runs), ["lr"])
    assert [(dict(group.key), group.count) for group in groups] == [({"lr": "0.1"}, 6), ({"lr": "0.2"}, 6)]
    for group in groups:
        values = [float(str(runs[place].summary["loss"])) for place in group.places]
        low, high = t.interval(0.95, 5, loc=np.mean(values), scale=np.std(values, ddof=1) / math.sqrt(6))
        assert group.mean == pytest.approx(np.mean(values))
        assert group.half_width == pytest.approx((high - low) / 2)
        assert group.deviation == pytest.approx(statistics.stdev(values))
    alone = grouped(table_of(runs), ["lr", "seed"])
    assert len(alone) == 12
    assert all(group.count == 1 and group.half_width is None for group in alone)
    assert [dict(group.key) for group in grouped(table_of(runs), ["missing"])] == [{"missing": "–"}]


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_the_chance_to_be_best_is_that_of_the_normal_distribution(goal: Goal) -> None:
    runs = seeded({0.1: 1.0, 0.2: 1.05}, 60, 0.2)
    found = ties(table_of(runs, goal), draws=40_000)
    values = [[float(str(run.summary["loss"])) for run in runs if run.config["lr"] == lr] for lr in (0.1, 0.2)]
    pooled = math.sqrt(statistics.fmean(statistics.variance(each) for each in values))
    gap = abs(statistics.fmean(values[0]) - statistics.fmean(values[1]))
    expected = norm.cdf(gap / (pooled * math.sqrt(2 / 60)))
    assert found.contenders[0].chance == pytest.approx(expected, abs=0.02)
    assert sum(contender.chance for contender in found.contenders) == pytest.approx(1.0)
    assert found.noise == pytest.approx(pooled, rel=1e-6)
    best = min if goal == "minimize" else max
    assert found.contenders[0].group.mean == best(statistics.fmean(each) for each in values)


def test_what_chance_explains_is_a_tie_and_what_it_does_not_is_none() -> None:
    found = ties(table_of(seeded({0.1: 1.0, 0.2: 1.02, 0.3: 9.0}, 5, 0.2)))
    assert found.tied == 2
    assert {dict(contender.group.key)["lr"] for contender in found.contenders} == {"0.1", "0.2"}
    assert (found.configurations, found.repeated) == (3, 3)
    apart = ties(table_of(seeded({0.1: 1.0, 0.2: 2.0, 0.3: 9.0}, 5, 0.2)))
    assert apart.tied == 1
    assert apart.contenders[0].chance > 0.99


def test_few_repeats_leave_more_open_than_their_spread_says() -> None:
    # Two repeats each: the exact answer is Student's t with 2 degrees of freedom.
    runs = [
        a_run(n, {"lr": lr, "seed": n}, v) for n, (lr, v) in enumerate([(0.1, 0.9), (0.1, 1.1), (0.2, 1.2), (0.2, 1.4)])
    ]
    found = ties(table_of(runs), draws=40_000)
    pooled = math.sqrt(0.02)
    expected = t.cdf(0.3 / pooled, 2)
    assert found.contenders[0].chance == pytest.approx(expected, abs=0.05)
    assert "So few repeats" in found.assumption


def test_how_often_the_first_of_equals_is_called_sure_is_bounded() -> None:
    """Of ten equal configurations the luckiest must not be called the best too often."""
    sure = 0
    for seed in range(40):
        lrs = {round(0.1 * place, 1): 1.0 for place in range(1, 11)}
        sure += ties(table_of(seeded(lrs, 3, 0.2, seed)), draws=1000).contenders[0].chance > 0.95
    assert sure <= 2


def test_single_runs_say_what_is_assumed_or_that_nothing_can_be_said() -> None:
    short = [a_run(n, {"lr": 0.1 * (n + 1)}, n) for n in range(4)]
    unknown = ties(run_table(a_sweep(PARAMETERS), short, LOSS, "last"))
    assert "No configuration was run twice" in unknown.problem
    assert unknown.noise is None
    assert unknown.contenders[0].group.mean == 0
    curved = ties(run_table(a_sweep(), peaked_runs(40), LOSS, "last"))
    assert "last fifth of its curve" in curved.assumption
    # The curves wander with a deviation of 0.02 about their trend.
    assert curved.noise == pytest.approx(0.02, rel=0.5)
    assert "no two configurations" in ties(run_table(a_sweep(PARAMETERS), short[:1], LOSS, "last")).problem
    # Repeats without any noise tie only with what is equal.
    exact = [a_run(n, {"lr": lr, "seed": n}, lr) for n, lr in enumerate([0.1, 0.1, 0.2, 0.2, 0.3, 0.3])]
    assert ties(table_of(exact)).tied == 1


@pytest.mark.parametrize("goals", [("minimize", "maximize"), ("maximize", "maximize", "minimize"), ("minimize",)])
def test_the_pareto_front_is_what_no_other_point_beats(goals: tuple[Goal, ...]) -> None:
    chance = random.Random(3)
    points = [tuple(round(chance.random(), 1 + place) for place in range(len(goals))) for _ in range(150)]
    costs = np.array([[-x if goal == "maximize" else x for x, goal in zip(p, goals, strict=True)] for p in points])
    expected = [
        place
        for place, cost in enumerate(costs)
        if not ((costs <= cost).all(axis=1) & (costs < cost).any(axis=1)).any()
    ]
    assert pareto_places(points, goals) == expected


def test_pareto_runs_have_every_metric_and_come_best_first() -> None:
    from dataclasses import replace

    runs = [
        replace(a_run(n, {}, None), summary={"loss": loss, "size": size} if size else {"loss": loss})
        for n, (loss, size) in enumerate([(0.5, 9), (0.1, 30), (0.6, 10), (0.05, 0), (0.3, 20)])
    ]
    front = pareto_runs(runs, [LOSS, Metric("size", "minimize")], "last")
    assert [(each.run.id, each.values) for each in front] == [("r1", (0.1, 30)), ("r4", (0.3, 20)), ("r0", (0.5, 9))]


def test_the_interval_needs_no_scipy_and_is_the_same() -> None:
    many = [*range(1, 60), 199, 200, 201, 5000]
    assert [student_quantile(n) for n in many] == pytest.approx([t.ppf(0.975, n) for n in many], rel=1e-8)


def test_equals_are_tied_together_or_none_of_them_is() -> None:
    # At the edge of a tie: whichever way it falls, it falls for all that are equal.
    for edge in np.linspace(1.2, 1.7, 26):
        values = {0.1: 1.0, **{round(0.2 + place / 10, 1): float(edge) for place in range(6)}}
        runs = seeded(dict.fromkeys(values, 0.0), 4, 0.0)
        shifts = (-0.3, 0.1, 0.3, -0.1)
        runs = [
            replace(run, summary={"loss": values[float(str(run.config["lr"]))] + shifts[place % 4]})
            for place, run in enumerate(runs)
        ]
        found = ties(table_of(runs), draws=500)
        assert found.tied in (1, 7), edge
        assert len({contender.chance for contender in found.contenders[1:]}) <= 1


@pytest.mark.parametrize(("configurations", "repeats", "gap"), [(2, 2, 0.1), (5, 3, 0.1), (20, 3, 0.1), (5, 15, 0.03)])
def test_the_chance_that_is_told_is_how_often_it_is_true(configurations: int, repeats: int, gap: float) -> None:
    generator = np.random.default_rng(3)
    told, held, among = [], [], []
    for _ in range(150):
        true = generator.normal(0, gap, configurations)
        means = {float(number): float(mean) for number, mean in enumerate(true)}
        found = ties(table_of(seeded(means, repeats, 0.1, int(generator.integers(2**31)))), draws=500)
        best = str(int(np.argmin(true)))
        first = found.contenders[0]
        told.append(first.chance)
        held.append(dict(first.group.key)["lr"] == best)
        among.append(any(each.is_tied and dict(each.group.key)["lr"] == best for each in found.contenders))
    # Four standard errors of 150 tries are 0.16; with many equals the first looks a bit too good.
    assert np.mean(told) == pytest.approx(np.mean(held), abs=0.16)
    assert np.mean(among) >= 0.9


def test_a_configuration_that_diverges_does_not_make_equals_of_all_others() -> None:
    runs = seeded({0.1: 0.30, 0.2: 0.40, 0.3: 0.50, 0.4: 0.60}, 3, 0.01)
    wild = [a_run(90 + number, {"lr": 0.9, "seed": 90 + number}, loss) for number, loss in enumerate([1.0, 4e3, 1e200])]
    found = ties(table_of([*runs, *wild]))
    assert (found.tied, found.configurations, found.repeated) == (1, 5, 5)
    assert found.contenders[0].chance > 0.999
    assert "1 configuration scattered more than 10 times as much" in found.assumption
    largest = grouped(table_of(wild), ["lr"])[0]
    assert largest.mean == pytest.approx(1e200 / 3) and largest.deviation == pytest.approx(1e200 / math.sqrt(3))
