"""WholeHistories: values of computed columns from every row of long histories, a few runs at a time. Used in workers.

A sweep's curves come as samples, of which no least value can be told. Whoever wants it exactly has the histories read
whole: once for each run that has ended, those of the best runs first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trainer.records import HistoryPoint, RunRecord
from tui.columns import Column
from tui.computed_columns import Computed

ROWS = 100_000
"""Rows of a history that are read at most."""
RUNS_PER_REQUEST = 5
MOST_RUNS = 500
"""Runs whose histories are read whole for one column; the others keep what their samples say."""
ReadHistories = Callable[[Sequence[RunRecord]], dict[str, list[HistoryPoint]]]


@dataclass
class Values:
    """Values of columns by run, and the runs whose values are of a sample only."""

    values: dict[Column, dict[str, float]] = field(default_factory=dict)
    estimated: frozenset[str] = frozenset()


class WholeHistories:
    """Remembers what it has read. One worker uses it at a time."""

    def __init__(self) -> None:
        self._known: dict[tuple[Computed, str], tuple[object, float | None]] = {}
        self._curves: dict[tuple[str, str], tuple[object, tuple[HistoryPoint, ...]]] = {}

    def unread(self, metric: str, runs: Sequence[RunRecord]) -> list[RunRecord]:
        """Return the runs whose sampled history of a metric has not been told, or may have grown since."""
        return [run for run in runs if self._curves.get((metric, run.id), (None,))[0] != _version(run)]

    def told(self, metric: str, runs: Sequence[RunRecord], curves: Mapping[str, Sequence[HistoryPoint]]) -> None:
        """Take in sampled histories of a metric, by run id; runs without one have not logged it."""
        for run in runs:
            self._curves[metric, run.id] = (_version(run), tuple(curves.get(run.id, ())))

    def with_curves(self, metric: str, runs: Sequence[RunRecord]) -> list[RunRecord]:
        """Return runs with the sampled history of a metric as their curve."""
        return [replace(run, curve=self._curves.get((metric, run.id), (None, ()))[1]) for run in runs]

    def refined(
        self, wanted: Sequence[Computed], runs: Sequence[RunRecord], most_rows: int, read: ReadHistories
    ) -> Iterator[Values]:
        """Yield values from samples, then again and again with more of them from whole histories.

        Args:
            wanted: Columns of one metric.
            runs: The runs with the sampled history of the metric as their curve, the most important first.
            most_rows: Rows that a sample has at most: a curve of fewer is whole.
            read: Reads whole histories.

        Raises:
            TrainerError: If `read` does.
        """
        long = [run for run in runs if len(run.curve) >= most_rows]
        found: dict[Column, dict[str, float]] = {each.column: {} for each in wanted}
        for run in runs:
            self._put(found, wanted, run, run.curve)
        unknown = {run.id for run in long if not self._recall(found, wanted, run)}
        yield Values({column: dict(values) for column, values in found.items()}, frozenset(unknown))
        readable = [run for run in long if run.id in unknown and run.state.is_terminal][:MOST_RUNS]
        for start in range(0, len(readable), RUNS_PER_REQUEST):
            some = readable[start : start + RUNS_PER_REQUEST]
            histories = read(some)
            for run in some:
                history = histories.get(run.id)
                if history is not None and len(history) < ROWS:
                    self._put(found, wanted, run, history)
                    self._remember(wanted, run, history)
                    unknown.discard(run.id)
            yield Values({column: dict(values) for column, values in found.items()}, frozenset(unknown))

    def _put(
        self, found: dict[Column, dict[str, float]], wanted: Sequence[Computed], run: RunRecord,
        history: Sequence[HistoryPoint],
    ) -> None:  # fmt: skip
        for each in wanted:
            value = each.value(history)
            if value is not None:
                found[each.column][run.id] = value

    def _remember(self, wanted: Sequence[Computed], run: RunRecord, history: Sequence[HistoryPoint]) -> None:
        for each in wanted:
            self._known[each, run.id] = (_version(run), each.value(history))

    def _recall(self, found: dict[Column, dict[str, float]], wanted: Sequence[Computed], run: RunRecord) -> bool:
        for each in wanted:
            version, value = self._known.get((each, run.id), (None, None))
            if version != _version(run):
                return False
            if value is not None:
                found[each.column][run.id] = value
        return True


def _version(run: RunRecord) -> object:
    """Return what differs once a run has been resumed."""
    return (run.state, run.heartbeat_at, run.duration_seconds)
