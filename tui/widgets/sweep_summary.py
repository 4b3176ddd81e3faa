"""SweepSummary: the four lines at the top of the live view. How far, how fast, how good; owns no data of its own."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from trainer.records import SweepRecord
from trainer.states import SweepState
from tui.best_so_far import spark_line
from tui.feeds import SweepProgress
from tui.formatting import (
    MISSING,
    count_text,
    duration_text,
    metric_text,
    rate_text,
    seconds_text,
    sweep_label,
)
from tui.sweep_pace import Pace

BAR_FULL, BAR_ACTIVE, BAR_LEFT = "━", "╍", "─"
"""Told apart without colour: runs that have ended, that are at work, that are to come."""
SPARK_CELLS = 16
_BAR_GLYPHS = {"active": BAR_ACTIVE, "left": BAR_LEFT}


@dataclass(frozen=True, slots=True)
class SummaryView:
    """Everything the summary shows."""

    sweep: SweepRecord
    progress: SweepProgress
    pace: Pace
    elapsed_seconds: float | None = None
    is_over: bool = False
    best_value: float | None = None
    best_config: str = ""
    """The best run's swept values, for example `depth=5 lr=0.1`."""
    best_name: str = ""
    levels: tuple[float, ...] = ()
    """The best value so far over the runs, at most `SPARK_CELLS` of it."""
    runs_since_best: int = 0
    """Runs that ended since the best one and did no better."""
    best_age_seconds: float | None = None
    """How long the best value has stood."""


def bar_cells(progress: SweepProgress, width: int) -> list[tuple[str, int]]:
    """Divide a bar among looks: every run that exists gets its share, and what is there is never invisible.

    Returns:
        Look and cells, in order; the cells add up to `width`.
    """
    total = max(progress.expected or 0, progress.done + progress.running + progress.pending, 1)
    shares = [
        ("good", progress.finished),
        ("bad", progress.failed),
        ("warn", progress.stopped),
        ("active", progress.running + progress.pending),
    ]
    cells, used, seen = [], 0, 0
    for look, count in shares:
        seen += count
        end = max(round(seen * width / total), used + (1 if count else 0))
        end = min(end, width)
        cells.append((look, end - used))
        used = end
    return [*cells, ("left", width - used)]


class SweepSummary(Widget):
    """Name and state, progress bar, counts and time, the best run so far."""

    COMPONENT_CLASSES = {
        f"sweep-summary--{look}" for look in ("name", "good", "bad", "warn", "active", "left", "muted", "best", "text")
    }
    DEFAULT_CSS = """
    SweepSummary {
        height: 4;
        padding: 0 1;
        & > .sweep-summary--name { text-style: bold; color: $foreground; }
        & > .sweep-summary--text { color: $foreground; }
        & > .sweep-summary--good { color: $success; }
        & > .sweep-summary--bad { color: $error; }
        & > .sweep-summary--warn { color: $warning; }
        & > .sweep-summary--active { color: $primary; }
        & > .sweep-summary--left { color: $panel-lighten-2; }
        & > .sweep-summary--muted { color: $text-muted; }
        & > .sweep-summary--best { color: $accent; text-style: bold; }
    }
    """

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._view: SummaryView | None = None
        self._is_to_come = True

    def show(self, view: SummaryView) -> None:
        """Show these facts; repaints only if something differs."""
        if view != self._view:
            self._view = view
            self.refresh()

    def give_up(self) -> None:
        """Say no longer that the sweep is being read: it will not come."""
        self._is_to_come = False
        self.refresh()

    def render(self) -> Text:
        """Return the four lines."""
        view = self._view
        if view is None:
            return Text("Reading the sweep…" if self._is_to_come else "", self._style("muted"))
        width = self.content_size.width
        lines = [
            self._spread(self._title_line(view), self._kind(view.sweep), width),
            self._bar(view, width),
            self._counts_and_times(view, width),
            self._best(view, width),
        ]
        return Text("\n", no_wrap=True).join(lines)

    def _style(self, look: str) -> Style:
        full = self.get_component_rich_style(f"sweep-summary--{look}")
        return Style(color=full.color, bold=full.bold)

    def _spread(self, left: Text, right: Text, width: int) -> Text:
        """Return both texts at the two ends of a line; the right one goes when there is no room."""
        gap = width - left.cell_len - right.cell_len
        if gap >= 2:
            return left.append(" " * gap).append_text(right)
        left.truncate(width, overflow="ellipsis")
        return left

    def _title_line(self, view: SummaryView) -> Text:
        label = sweep_label(view.sweep.state)
        stopping = view.sweep.state.is_terminal and not view.is_over
        word = f"{label.word}, runs still at work" if stopping else label.word
        return Text.assemble(
            (view.sweep.name, self._style("name")), "  ", (f"{label.glyph} {word}", self._style(label.tone))
        )

    def _kind(self, sweep: SweepRecord) -> Text:
        goal = f" · {sweep.metric.goal} {sweep.metric.name}" if sweep.metric else " · no metric"
        return Text(f"{sweep.method}{goal}", self._style("muted"))

    def _bar(self, view: SummaryView, width: int) -> Text:
        progress = view.progress
        if progress.expected is None:
            runs = progress.done + progress.running + progress.pending
            words = f" {runs:,} runs, no end of its own"
        else:
            share = progress.done / progress.expected if progress.expected else 1.0
            # 99.6 % is not done: 100 % is said only when it is.
            percent = 100 if share >= 1 else min(int(share * 100), 99)
            words = f" {progress.done:,}/{progress.expected:,} runs  {percent:>3}%"
        text = Text()
        for look, cells in bar_cells(progress, max(width - len(words) - 1, 4)):
            text.append(_BAR_GLYPHS.get(look, BAR_FULL) * cells, self._style(look))
        return text.append(words, self._style("name"))

    def _counts_and_times(self, view: SummaryView, width: int) -> Text:
        """Return the third line; where it is narrow, the time left outlives every other detail."""
        for shows_rest, parts in ((True, 3), (True, 2), (True, 1), (False, 1)):
            counts, times = self._counts(view.progress, shows_rest), self._times(view, parts)
            if counts.cell_len + 2 + times.cell_len <= width:
                break
        return self._spread(counts, times, width)

    def _counts(self, progress: SweepProgress, shows_rest: bool) -> Text:
        parts = [
            ("active", "●", progress.running, "running"),
            ("muted", "○", progress.pending, "pending"),
            ("good", "✓", progress.finished, "finished"),
            ("bad", "✗", progress.failed, "failed"),
            ("warn", "■", progress.stopped, "stopped"),
            ("muted", "·", progress.left if shows_rest else 0, "to come"),
        ]
        text = Text()
        for look, glyph, count, word in parts:
            if count or word == "finished":
                text.append("  " if text else "").append(f"{glyph} {count:,} {word}", self._style(look))
        return text

    def _times(self, view: SummaryView, parts: int) -> Text:
        """Return up to `parts` of time left, time gone and rate."""
        elapsed, muted = view.elapsed_seconds, self._style("muted")
        if view.is_over:
            return Text(f"took {duration_text(elapsed)}", self._style("text"))
        found = []
        if view.pace.eta_seconds is not None:
            found.append(Text.assemble(("ETA ", muted), (seconds_text(view.pace.eta_seconds), self._style("name"))))
        if elapsed is not None:
            found.append(Text(f"{seconds_text(elapsed)} elapsed", muted))
        if view.pace.runs_per_second:
            found.append(Text(rate_text(view.pace.runs_per_second), muted))
        return Text(" · ", muted).join(found[:parts])

    def _best(self, view: SummaryView, width: int) -> Text:
        metric = view.sweep.metric
        if metric is None:
            return Text("This sweep names no metric: runs are listed, not ranked.", self._style("muted"))
        if view.best_value is None:
            waiting = view.sweep.state is SweepState.RUNNING
            return Text(f"★ best {metric.name} {MISSING}" + ("  no value yet" if waiting else ""), self._style("muted"))
        head = Text.assemble(("★ ", self._style("best")), (f"best {metric.name} ", self._style("text")))
        head.append(metric_text(view.best_value), self._style("best"))
        words = self._since_best(view)
        spark = Text(spark_line(view.levels), self._style("best"))
        short = Text(spark_line(view.levels[::-2][::-1]), self._style("best"))
        ends = [
            (44, Text.assemble((f"{view.best_name}   ", self._style("muted")), spark, words)),
            (22, spark + words),
            (0, short + words),
            (0, words),
        ]
        # What is left of the line is for the configuration: it gives way last to the words, first to the name.
        for room, end in ends:
            rest = width - head.cell_len - end.cell_len - 5
            if rest >= min(room, len(view.best_config)):
                break
        if pairs := _whole_pairs(view.best_config, rest):
            head.append(f"  {pairs}", self._style("text"))
        return self._spread(head, end, width)

    def _since_best(self, view: SummaryView) -> Text:
        """Return for how long the best value has stood: in runs, and in time while it goes on."""
        age = seconds_text(view.best_age_seconds)
        if not view.runs_since_best:
            return Text(f"  improved {age} ago" if not view.is_over else "  by the last run", self._style("muted"))
        runs = count_text(view.runs_since_best, "run")
        if view.is_over:
            return Text(f"  no better in the last {runs}", self._style("muted"))
        return Text(f"  no better for {runs} · {age}", self._style("muted"))


def _whole_pairs(config: str, room: int) -> str:
    """Return as many of `depth 5  lr 0.1` as there is room for: half a value would be read as another one."""
    pairs = config.split("  ")
    while pairs and len("  ".join(pairs)) + (2 if len(pairs) < config.count("  ") + 1 else 0) > room:
        pairs.pop()
    shown = "  ".join(pairs)
    return shown if not pairs or shown == config else f"{shown} …"
