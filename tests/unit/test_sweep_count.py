"""What the builder says about the number of runs, and what is odd about it."""

from __future__ import annotations

import pytest

from trainer.records import Json
from tui.sweep_count import CountText, Part, count_text_of, one_line


def config(method: str, values: int = 12, **changes: Json) -> dict[str, Json]:
    return {"method": method, "parameters": {"x": {"min": 1, "max": values}}, **changes}


@pytest.mark.parametrize(
    ("sweep", "warning"),
    [
        (config("grid"), ""),
        (config("grid", 10**6), "a very large grid: random or bayes with a run cap finds good ones sooner"),
        (config("grid", 10**6, run_cap=50), ""),
        (config("bayes"), "bayes on 12 points: a grid runs them all"),
        (config("bayes", 1000, run_cap=50), ""),
        (config("random", 1000), "random without a run cap runs all 1,000"),
        (config("random", 1000, run_cap=50), ""),
        (config("grid", run_cap=50), "there are only 12: the run cap has no effect"),
        (config("custom", scheduler={"engine": "optuna"}), ""),
    ],
)
def test_what_is_odd_is_said_in_words(sweep: dict[str, Json], warning: str) -> None:
    assert count_text_of(sweep).warning == warning


def test_points_that_were_run_before_are_not_run_again() -> None:
    count = count_text_of(config("grid"), prior_points=5)
    assert (count.headline, count.runs) == ("7 runs", 7)
    assert count.detail == "12 grid  ·  minus 5 already run"
    assert count_text_of(config("grid", run_cap=3), prior_points=5).runs == 3
    assert count_text_of(config("grid"), prior_points=99).headline == "0 runs"
    assert count_text_of(config("random", run_cap=4), prior_points=10).runs == 2


def test_the_number_is_exact_whatever_its_size() -> None:
    huge: dict[str, Json] = {f"p{number}": {"min": 1, "max": 10**18} for number in range(40)}
    count = count_text_of({"method": "grid", "parameters": huge})
    assert count.runs == 10**720
    assert count.headline == "≈ 10^720 runs"
    endless = count_text_of({"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}})
    assert (endless.headline, endless.runs) == ("endless", None)


def on_line(count: CountText, extra: list[Part], room: int) -> str:
    return "".join(text for text, _ in one_line(count, extra, room))


def test_one_line_has_whole_parts_only_and_drops_the_least_wanted_first() -> None:
    count = CountText("9 runs", "3 × 3 grid  ·  run cap 9", runs=9)
    extra = [Part("about 14 s with 2 agents", "", 2), Part("a very large grid", "", 0)]
    everything = "   3 × 3 grid  ·  run cap 9  ·  about 14 s with 2 agents  ·  a very large grid"
    assert on_line(count, extra, len(everything)) == everything
    assert on_line(count, extra, 0) == everything, "the room is not known yet"
    assert on_line(count, extra, 64) == "   3 × 3 grid  ·  about 14 s with 2 agents  ·  a very large grid"
    assert on_line(count, extra, 30) == "   a very large grid"
    assert on_line(count, extra, 10) == "   a very large grid", "cut on the screen: nothing would say less"


def test_how_to_give_a_sweep_an_end_is_said_before_how_its_number_comes_about() -> None:
    count = count_text_of({"method": "random", "parameters": {"lr": {"min": 0.0, "max": 1.0}}})
    assert on_line(count, [Part("try one (f7) to know how long", "", 9)], 45) == "   set a run cap to give it an end"
