"""SweepMemory: shows the runs of a sweep as they were looked at last, until that is reset. A mixin of `SweepScreen`.

Kept a moment after it has changed, and when the screen is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message

from trainer.errors import TrainerError
from trainer.paths import state_dir
from tui.kept_view import KeptView, keep_view, kept_file, ranking_of, read_kept, show_view, view_of
from tui.last_look import look_key
from tui.screens.sweep_columns import SweepColumns
from tui.screens.sweep_grouping import SweepGrouping

MEMORY = "memory"
KEEP_AFTER_SECONDS = 2.0


class SweepMemory(SweepGrouping, SweepColumns):
    """Keeps filter, order, groups, seeds, front and marks of a sweep."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "0", "reset_view", "Reset view", id="sweep.reset", show=False,
            tooltip="All panes and runs, plain, and kept so; once more: the columns, too",
        ),
    ]  # fmt: skip

    marked_ids: list[str]
    _memory_file: Path | None = None
    """None until it has been read: what is not known is not written over."""
    _memory = KeptView()
    """What is on the disk."""
    _changed_at = 0.0
    _changed_to: KeptView | None = None

    @dataclass
    class ViewRemembered(Message):
        """How the sweep was looked at last."""

        path: Path
        view: KeptView

    def on_mount(self) -> None:
        """Read how it was looked at last."""
        self.read_memory()

    @work(thread=True, exclusive=False, exit_on_error=False, group=MEMORY)
    def read_memory(self) -> None:
        """Read the view that was kept; a server that is away is the follower's to report."""
        try:
            key = self.memory_key(self.session.connect().base_url)
        except TrainerError:
            return
        path = kept_file(state_dir(), key)
        self.post_message(self.ViewRemembered(path, read_kept(path)))

    def memory_key(self, base_url: str) -> str:
        """Return the name under which the view is kept."""
        return look_key(base_url, self.reference)

    @on(ViewRemembered)
    def _remembered(self, message: ViewRemembered) -> None:
        self._memory_file, self._memory = message.path, message.view
        # What somebody has chosen meanwhile counts.
        if message.view and not self.looked_at():
            self.show_as(message.view)
            self.notify(f"{message.view.words()}\n0 resets the view.", title="As you left it", timeout=5, markup=False)

    def looked_at(self) -> KeptView:
        """Return how the runs are looked at."""
        return view_of(self.feed.board, self.marked_ids)

    def show_as(self, view: KeptView) -> None:
        """Show the runs as they were looked at."""
        show_view(self.feed.board, view)
        if self.feed.board.by != ranking_of(view):
            self.feed.set_ranking(ranking_of(view))
        self.marked_ids = list(view.marked)
        self.table.to_first_line()
        self.show_runs()
        self.refresh_bindings()
        self.find_ties_if_due()

    def keep_view_if_due(self) -> None:
        """Keep how the runs are looked at, a moment after that has changed; called about once a second."""
        view = self.looked_at()
        if self._memory_file is None or view == self._memory:
            self._changed_to = None
        elif view != self._changed_to:
            self._changed_to, self._changed_at = view, monotonic()
        elif monotonic() - self._changed_at > KEEP_AFTER_SECONDS:
            self._memory = view
            self.write_memory(self._memory_file, view)

    @work(thread=True, exclusive=True, exit_on_error=False, group=MEMORY, description="keep view")
    def write_memory(self, path: Path, view: KeptView) -> None:
        """Keep a view; one that cannot be kept is said once it is missed."""
        if problem := keep_view(path, view):
            self.log.warning(problem)

    def on_unmount(self) -> None:
        """Keep how it was looked at last."""
        if self._memory_file is not None and (view := self.looked_at()) != self._memory:
            keep_view(self._memory_file, view)

    def reset_choices(self) -> None:
        """Show the runs plain; where they are, with the columns that nobody has chosen."""
        if self.looked_at():
            self.show_as(KeptView())
            return
        board = self.feed.board
        before = board.view.dump()
        board.view.reset()
        board.view_changed()
        if board.view.dump() != before:
            self.keep_columns(board.view.dump())
            self.notify("The columns of this project are as at first, too.", timeout=3)
        self.show_runs()
