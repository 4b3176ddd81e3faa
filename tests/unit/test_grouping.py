"""Runs of a leaderboard in groups: means, order, what a change costs, and which lines share the first place."""

from __future__ import annotations

import dataclasses
import random
import statistics

import pytest

from trainer.insight.confidence import Ties, ties
from trainer.insight.features import run_table
from trainer.insight.pareto import pareto_runs
from trainer.records import HistoryPoint, Json, Metric, RunRecord, SweepRecord, SweepReference
from trainer.run_filter import parse_run_filter
from trainer.states import RunState, SweepState
from tui import group_keys
from tui.columns import CHANCE, NAME, RANK, Column, ColumnKind
from tui.front import FRONT
from tui.group_cells import line_cell, line_mark
from tui.grouping import FAILURES, GROUP_BEST, INTERVAL, Grouping, is_group
from tui.leaderboard_model import LeaderboardModel
from tui.row_ties import RowTies, snapshot_of, standing
from tui.sorting import Level
from tui.table_layout import Mark, lay_out, tied_lines

LR = Column(ColumnKind.CONFIG, "lr", "lr")
SEED = Column(ColumnKind.CONFIG, "seed", "seed")
SCORE = Column(ColumnKind.METRIC, "score")
STATE = Column(ColumnKind.STATE, "state")
MEANS: dict[Json, float] = {0.1: 0.80, 0.2: 0.81, None: 0.5}
PARAMETERS: dict[str, Json] = {"lr": {"values": list(MEANS)}, "seed": {"values": list(range(5))}}


def a_run(number: int, config: dict[str, Json], score: float | None, state: RunState = RunState.FINISHED) -> RunRecord:
    summary: dict[str, Json] = {} if score is None else {"score": score, "loss": 1 - score}
    return RunRecord(f"r{number}", f"rose-{number}", state, config, summary, duration_seconds=float(number))


def seeded(repeats: int = 5) -> list[RunRecord]:
    chance = random.Random(3)
    pairs = [(lr, seed) for lr in MEANS for seed in range(repeats)]
    return [
        a_run(number, {"lr": lr, "seed": seed}, chance.gauss(MEANS[lr], 0.02))
        for number, (lr, seed) in enumerate(pairs)
    ]


def a_board(runs: list[RunRecord]) -> LeaderboardModel:
    board = LeaderboardModel(Metric("score", "maximize"), ["lr", "seed"])
    board.upsert(runs)
    return board


def shown(board: LeaderboardModel, column: Column) -> list[str]:
    return [line_cell(board, line, column).text for line in board.lines]


def grouping_of(board: LeaderboardModel) -> Grouping:
    assert board.grouping is not None
    return board.grouping


def test_seeds_are_collapsed_into_configurations_with_mean_and_confidence() -> None:
    runs = seeded()
    board = a_board(runs)
    assert list(board.repeated_keys) == [LR]
    board.set_grouping(board.repeated_keys)
    assert [column.key for column in board.columns][:8] == [
        "rank", "name", "config:lr", "metric", "interval", "chance", "group_best", "state",
    ]  # fmt: skip
    assert shown(board, LR) == ["0.2", "0.1", "None"] and shown(board, RANK) == ["1", "2", "3"]
    assert shown(board, NAME) == ["▸ 5 runs"] * 3 and shown(board, SEED) == ["5 values"] * 3
    values = [float(str(run.summary["score"])) for run in runs if run.config["lr"] == 0.2]
    assert board.grouping is not None
    first = board.lines[0]
    assert board.grouping.cell(board, first, SCORE) == pytest.approx(statistics.fmean(values))
    # Student's t of 4 degrees of freedom.
    half = 2.776445 * statistics.stdev(values) / 5**0.5
    assert board.grouping.cell(board, first, INTERVAL) == pytest.approx(half, rel=1e-5)
    assert board.grouping.cell(board, first, GROUP_BEST) == max(values)
    loss = Column(ColumnKind.SUMMARY, "loss", "loss")
    assert board.grouping.cell(board, first, loss) == pytest.approx(1 - statistics.fmean(values))
    assert dict(zip(board.columns, lay_out(board, {}, 120, 2).titles, strict=True))[SCORE] == "mean score"


def test_a_group_opens_to_its_runs_in_the_order_of_the_rows() -> None:
    board = a_board(seeded())
    board.set_grouping([LR])
    first = board.lines[0]
    board.toggle_group(first)
    members = list(board.lines[1:6])
    assert len(board.lines) == 8 and members == sorted(members, key=lambda run_id: -(board.value(run_id) or 0))
    assert line_cell(board, first, NAME).text == "▾ 5 runs"
    assert line_cell(board, members[0], NAME).text == f"  {board.runs[members[0]].name}"
    assert line_cell(board, members[0], LR).text == "" == line_cell(board, members[0], INTERVAL).text
    board.set_filter(parse_run_filter("seed>=3"))
    assert len(board.lines) == 5 and line_cell(board, first, NAME).text == "▾ 2 runs", "the filter comes first"
    assert line_mark(board, first, {members[0]: Mark("●✓", "red")}) in (Mark("●✓", "red"), Mark(" ", ""))
    board.remove(next(run_id for run_id in board.lines if not is_group(run_id)))
    assert line_cell(board, first, NAME).text == "▾ 1 run" and line_cell(board, first, INTERVAL).text == "–"
    board.set_filter(parse_run_filter("seed=77"))
    assert not board.lines
    board.set_filter(None)
    assert len(board.lines) == 3, "groups that vanished are closed"


def test_groups_are_ordered_by_what_they_have_and_several_levels() -> None:
    runs = [
        *seeded(),
        a_run(90, {"lr": 0.1, "seed": 9}, None, RunState.FAILED),
        a_run(91, {"seed": 1}, 0.9, RunState.RUNNING),
    ]
    board = a_board(runs)
    board.set_grouping([LR])
    assert FAILURES in board.columns
    assert shown(board, LR) == ["–", "0.2", "0.1", "None"], "without lr is not None"
    assert line_cell(board, board.lines[0], SCORE).text == "~0.9000", "nothing has ended there"
    assert shown(board, STATE)[2] == "5✓ 1✗" and shown(board, FAILURES) == ["0", "0", "1", "0"]
    board.set_sort(NAME, True)
    assert shown(board, NAME) == ["▸ 6 runs", "▸ 5 runs", "▸ 5 runs", "▸ 1 run"]
    board.set_sorts((Level(FAILURES), Level(GROUP_BEST)))
    assert shown(board, LR) == ["None", "0.2", "–", "0.1"]
    board.set_grouping([STATE, LR])
    assert len(board.lines) == 5 and {column.key for column in board.columns} >= {"state", "config:lr"}
    board.set_grouping([])
    assert board.sorts == (Level(RANK),) and len(board.lines) == 17
    assert FAILURES not in board.columns


def test_a_change_sums_up_its_group_only_and_is_the_same_as_a_fresh_grouping() -> None:
    runs = seeded()
    board = a_board(runs)
    board.set_grouping([LR])
    before = {group.id: group.mean for group in grouping_of(board).groups.values()}
    moved = dataclasses.replace(runs[0], config={"lr": 0.2, "seed": 0}, summary={"score": 0.99})
    board.upsert([moved, a_run(50, {"lr": 0.2, "seed": 7}, 0.7)])
    fresh = a_board([moved, *runs[1:], a_run(50, {"lr": 0.2, "seed": 7}, 0.7)])
    fresh.set_grouping([LR])
    assert list(board.lines) == list(fresh.lines)
    for line in board.lines:
        assert set(grouping_of(board).groups[line].run_ids) == set(grouping_of(fresh).groups[line].run_ids)
        assert grouping_of(board).groups[line].mean == grouping_of(fresh).groups[line].mean
    untouched = board.lines[-1]
    assert grouping_of(board).groups[untouched].mean is before[untouched]


def analysed(runs: list[RunRecord]) -> Ties:
    metric = Metric("score", "maximize")
    config: dict[str, Json] = {"parameters": PARAMETERS}
    sweep = SweepRecord(SweepReference("e", "p", "s"), "s", SweepState.FINISHED, "grid", metric, config)
    return ties(run_table(sweep, runs, metric))


def stand(board: LeaderboardModel) -> RowTies:
    snapshot = snapshot_of(board)
    assert snapshot is not None
    return standing(snapshot)


def test_configurations_are_tied_as_the_analysis_says() -> None:
    runs = seeded()
    board = a_board(runs)
    board.set_grouping(board.repeated_keys)
    found, wanted = stand(board), analysed(runs)
    board.set_ties(found)
    assert found.tied == set(board.lines[:2]) and wanted.tied == 2
    assert [found.chances[line] for line in board.lines] == [*[each.chance for each in wanted.contenders], 0.0]
    assert found.words.startswith("2 configurations are tied for first; P(first is best) ")
    assert shown(board, RANK) == ["=1", "=1", "3"] and tied_lines(board) == 2
    assert shown(board, CHANCE)[0].endswith("%")
    board.toggle_group(board.lines[1])
    assert tied_lines(board) == 7, "the rule is below the runs of the last of them"
    board.set_sort(RANK, True)
    assert tied_lines(board) == 0
    board.set_sort(CHANCE, True)
    assert shown(board, LR)[0] in ("0.1", "0.2")


def test_single_runs_are_compared_by_the_noise_of_repeats() -> None:
    board = a_board(seeded())
    found = stand(board)
    board.set_ties(found)
    assert 2 <= len(found.tied) <= 10, "those of the third configuration are far away"
    assert shown(board, RANK)[:2] == ["=1", "=1"] and tied_lines(board) == len(found.tied)
    assert "runs are tied for first" in found.words


def test_one_run_per_configuration_says_that_nothing_can_be_told() -> None:
    board = a_board([a_run(n, {"lr": n, "seed": 0}, score) for n, score in enumerate((0.9, 0.9, 0.5))])
    found = stand(board)
    assert found.words == "2 runs have the same value; which is best cannot be told: one run per configuration"
    assert found.tied == {"r0", "r1"} and not found.chances
    chance = random.Random(2)
    curves = [
        tuple(HistoryPoint(step, {"score": level + chance.gauss(0, 0.001)}) for step in range(40))
        for level in (0.9, 0.8, 0.5)
    ]
    board.upsert(dataclasses.replace(board.runs[f"r{n}"], summary={}, curve=curve) for n, curve in enumerate(curves))
    found = stand(board)
    assert "if seeds changed nothing (one run per configuration)" in found.words and not found.tied
    assert stand(a_board([])).words == ""


def test_keys_are_named_completed_and_mistakes_are_said() -> None:
    board = a_board(seeded())
    board.upsert([a_run(70, {"lr": 1, "seed": 0, "optim.decay": 3}, 0.1)])
    assert group_keys.keys_of(board, "LR state") == ([LR, STATE], [])
    assert group_keys.keys_of(board, "seed, lr,")[0] == [SEED, LR]
    assert [column.path for column in group_keys.keys_of(board, "decay")[0]] == ["optim.decay"]
    assert group_keys.keys_of(board, "lr, nothing") == ([LR], ["nothing"])
    assert [column.key for column in group_keys.keys_of(board, "tag gpu")[0]] == ["tags", "gpu"]
    assert group_keys.note(board, "lr nothing") == "No run has a key nothing."
    first = group_keys.candidates(board, "", True)[0]
    assert (first.word, first.text) == ("all but the seeds", "lr")
    assert [each.text for each in group_keys.candidates(board, "lr, st", False)][:1] == ["lr, state"]
    assert group_keys.candidates(board, "", False)[0].text == "lr"
    assert "lr" not in [each.word for each in group_keys.candidates(board, "lr, ", True)]


def costly(number: int, score: float, seconds: float, lr: Json = 0.1) -> RunRecord:
    run = a_run(number, {"lr": lr, "seed": number}, score)
    return dataclasses.replace(run, summary={**run.summary, "seconds": seconds})


def test_the_front_of_two_metrics_follows_every_change_as_if_found_anew() -> None:
    chance = random.Random(5)
    board = a_board([costly(n, chance.random(), chance.random(), n % 4) for n in range(60)])
    board.set_front(Metric("seconds"))
    assert [column.key for column in board.columns][3:6] == ["metric", "summary:seconds", "front"]

    def wanted() -> set[str]:
        front = pareto_runs(board.runs.values(), [Metric("score", "maximize"), Metric("seconds")])
        return {each.run.id for each in front}

    assert board.front is not None
    for step in range(120):
        number = chance.randrange(70)
        if step % 7 == 0 and board.front.run_ids:
            board.remove(min(board.front.run_ids))
        else:
            board.upsert([costly(number, chance.random(), chance.random(), number % 4)])
        assert board.front.run_ids == wanted(), step
    board.set_sort(FRONT)
    count = len(board.front.run_ids)
    assert {line_cell(board, line, FRONT).text for line in board.lines[:count]} == {"◆"}
    assert {line_cell(board, line, FRONT).text for line in board.lines[count:]} == {""}
    board.upsert([costly(99, 2.0, -1.0)])
    assert list(board.front.run_ids) == ["r99"] == [board.lines[0]]
    board.set_grouping([LR])
    groups, seconds = grouping_of(board), board.front.column
    means = {
        line: (float(str(groups.cell(board, line, SCORE))), float(str(groups.cell(board, line, seconds))))
        for line in board.lines
    }
    beaten = {
        line
        for line, mine in means.items()
        if any(their != mine and their[0] >= mine[0] and their[1] <= mine[1] for their in means.values())
    }
    assert board.front.group_ids == set(means) - beaten
    board.set_front(None)
    assert FRONT not in board.columns and board.sorts == (Level(RANK),)
