"""SweepGrouping: runs of the live view in groups, and which rows share the first place. A mixin of `SweepScreen`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import get_current_worker

from trainer.sweep.seed_names import Seeds
from tui import group_keys
from tui.columns import RANK, Column, swept_keys
from tui.formatting import count_text
from tui.row_ties import RowTies, Snapshot, snapshot_of, standing
from tui.screens.sweep_cursor import SweepCursor
from tui.screens.sweep_trade_off import SweepTradeOff
from tui.widgets.best_config import BestConfig
from tui.widgets.frame_words import say_in_frame
from tui.widgets.pane_tabs import PaneTabs

TIES = "ties"
TIES_EVERY_SECONDS = 3.0
_PATIENCE = 20.0
"""Ties are found again after so many times what it took."""
View = tuple[object, ...]

_LEADING = 20
"""Runs whose values say whether ties may have changed."""


class SweepGrouping(SweepCursor, SweepTradeOff):
    """Groups runs by any keys, and says how far the first can be believed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "group_runs", "Group", id="sweep.group", tooltip="Group the runs by any keys, with mean ± 95 %"),
        Binding(
            "z", "collapse_seeds", "Seeds", id="sweep.collapse_seeds",
            tooltip="A row per configuration: runs that differ in seeds only taken together; or each run again",
        ),
        Binding(
            "Z", "choose_seeds", "Which seeds", id="sweep.choose_seeds", show=False,
            tooltip="Choose the keys that only repeat a configuration: any, whatever their names",
        ),
    ]  # fmt: skip

    _ties_of: tuple[View, View] = ((), ())
    _ties_at = 0.0
    _ties_took = 0.0
    _ties_are_sought = False
    _has_seeds = False

    @dataclass
    class TiesFound(Message):
        """Which rows share the first place, of which view of the leaderboard; None where that failed."""

        ties: RowTies | None
        view: View
        seconds: float

    def action_group_runs(self) -> None:
        """Ask for keys to group by; groups are shown as they are typed."""
        board, grouping = self.feed.board, self.feed.board.grouping
        self.ask(
            group_keys.EXAMPLES,
            group_keys.text_of(grouping.keys) if grouping else "",
            lambda text, asked: group_keys.candidates(self.feed.board, text, asked),
            note=lambda text: group_keys.note(board, text),
            edited=lambda text: self.group_by(group_keys.keys_of(self.feed.board, text)[0]),
        )
        if grouping is None:
            self.prompt_box.box.ask()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what the runs allow."""
        if action == "collapse_seeds":
            return bool(self.feed.board.repeated_keys)
        return super().check_action(action, parameters)

    def action_collapse_seeds(self) -> None:
        """Show a row per configuration, or each run again."""
        board = self.feed.board
        keys = list(board.repeated_keys)
        self.group_by([] if board.grouping is not None and list(board.grouping.keys) == keys else keys)

    def action_choose_seeds(self) -> None:
        """Ask which keys only repeat a configuration; runs are taken together as they are typed."""
        board = self.feed.board
        known = [column for column in board.varying_columns if board.seeds.are(column.path)]
        self.ask(
            group_keys.SEED_EXAMPLES,
            group_keys.text_of(known),
            lambda text, asked: group_keys.seed_candidates(self.feed.board, text, asked),
            note=lambda text: group_keys.note(board, text),
            done=self._seeds_entered,
        )
        if not known:
            self.prompt_box.box.ask()

    def _seeds_entered(self, text: str) -> None:
        board = self.feed.board
        found = group_keys.keys_of(board, text)[0]
        board.seeds.chosen = frozenset(column.path for column in found) if found else None
        keys = list(board.repeated_keys)
        if not keys and found:
            self.notify(f"Nothing but {group_keys.text_of(found)} varies, so there is nothing to take together.")
        self.group_by(keys)
        self.find_ties_if_due()
        self.refresh_bindings()

    def seeds_chosen(self) -> Seeds | None:
        """Return which keys only repeat a configuration, where the user said so."""
        seeds = self.feed.board.seeds
        return Seeds(chosen=seeds.chosen) if seeds.chosen is not None else None

    def group_by(self, keys: Sequence[Column]) -> None:
        """Show the runs in groups that agree in some columns; in none for no columns."""
        board = self.feed.board
        if tuple(keys) != (board.grouping.keys if board.grouping else ()):
            board.set_grouping(keys)
            self.table.to_first_line()
            self.show_runs()
            self.refresh_bindings()
            self.find_ties_if_due()

    def board_words(self) -> str:
        """Return what the leaderboard shows, and how far its first row can be believed."""
        board = self.feed.board
        shown = count_text(len(board.rows), "run")
        if board.filter:
            shown = f"{len(board.rows):,} of {count_text(len(board.runs), 'run')} · f: {board.filter.text}"
        if board.grouping is not None:
            shown = f"{count_text(len(board.grouping.groups), 'group')} of {shown}"
        by = [f"by {'mean of ' if board.grouping else ''}{board.by} value"] if board.metric else []
        front = [words] if (words := self.front_words()) else []
        offer = ["z collapses seeds"] if board.repeated_keys and board.grouping is None else []
        offer += (
            ["0 resets the view"] if board.grouping or board.filter or board.front or board.sort_column != RANK else []
        )
        ties = [board.ties.words] if board.ties and board.ties.words else []
        brief = [board.ties.brief] if board.ties and board.ties.brief else []
        # How far the first can be believed comes first: what has no room goes, the least needed first.
        choices = [
            [shown, *by, *front, *ties, *offer],
            [shown, *by, *front, *ties],
            [shown, *by, *front, *brief, *offer],
            [shown, *front, *brief],
        ]
        lines = [" · ".join(parts) for parts in choices]
        return next(
            (line for line in lines if len(line) <= self.table.size.width - 2), " · ".join([*brief, shown, *front])
        )

    def show_words(self) -> None:
        """Say what the leaderboard shows; on a small terminal only how far its first row can be believed."""
        ties, has_seeds = self.feed.board.ties, bool(self.feed.board.repeated_keys)
        if has_seeds != self._has_seeds:
            self._has_seeds = has_seeds
            self.refresh_bindings()
        told, shown = self.cursor_words, self.board_words()
        # Two cells for the corners of the frame, two for the spaces beside what stands in it.
        room = self.table.size.width - 2 - cell_len(shown)
        say_in_frame(self.table, subtitle=f"{told} · {shown}" if told and cell_len(told) + 3 <= room else told or shown)
        self.query_one(PaneTabs).note(told or (ties.brief if ties else ""))

    def show_best(self) -> None:
        """Show the best run's configuration; where seeds are taken together, the configuration with the best mean."""
        feed, board = self.feed, self.feed.board
        keys = swept_keys(feed.sweep.config) if feed.sweep else []
        pane, group, latest = self.query_one(BestConfig), board.best_configuration, feed.best_so_far.latest
        say_in_frame(pane, title="Best configuration" if group is None else "Best configuration, by its mean")
        if group is None:
            gain = latest.gain if latest else None
            pane.show(feed.best, board.metric, feed.best_value, keys, feed.best_url, feed.best_before, gain)
            return
        run = board.runs[board.chosen_id]
        url = feed.sweep.run_url(run.id) if feed.sweep else ""
        keys = [key for key in keys if not board.seeds.are(key)]
        pane.show(run, board.metric, board.value(run.id), keys, url, mean=group.mean)

    # Ties

    def find_ties_if_due(self) -> None:
        """Have ties found where the view is another one or, now and then, where runs have ended since."""
        board = self.feed.board
        grouping = board.grouping
        view: View = (
            id(board),
            board.by,
            grouping and grouping.keys,
            grouping and board.filter and board.filter.text,
            tuple(board.repeated_keys),
        )
        # The values too: the curve of a run, which may hold a better one, can come after its end was counted.
        leading = tuple(board.value(run_id) for run_id in board.ranked[:_LEADING]) if board.metric else ()
        state: View = (len(board.runs), self.feed.progress.done, leading)
        if self._ties_are_sought or (view, state) == self._ties_of:
            return
        wait = max(TIES_EVERY_SECONDS, _PATIENCE * self._ties_took)
        if view == self._ties_of[0] and time.monotonic() < self._ties_at + wait:
            return
        snapshot = snapshot_of(board)
        self._ties_of = (view, state)
        if snapshot is not None and len(snapshot.values) > 1:
            self._ties_are_sought = True
            self.find_ties(snapshot, view)

    @work(thread=True, exit_on_error=False, group=TIES, description="find ties")
    def find_ties(self, snapshot: Snapshot, view: View) -> None:
        """Find out which rows share the first place."""
        worker, began = get_current_worker(), time.monotonic()
        found: RowTies | None = None
        try:
            found = standing(snapshot)
        finally:
            if not worker.is_cancelled:
                self.post_message(self.TiesFound(found, view, time.monotonic() - began))

    @on(TiesFound)
    def _ties_found(self, message: TiesFound) -> None:
        self._ties_are_sought, self._ties_at, self._ties_took = False, time.monotonic(), message.seconds
        if message.view != self._ties_of[0]:
            self._ties_of = ((), ())
        elif message.ties is not None:
            self.feed.board.set_ties(message.ties)
            self.show_runs()
        self.find_ties_if_due()
