"""Which runs the chart draws, and each one's colour. Pure; the table and the legend show the same marks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from tui.chart_colors import ChartColors
from tui.table_layout import MARKED, Mark

HIDDEN = "◌"


class ChartSelection:
    """The best runs, those the user added, without those the user hid; a run keeps its colour while it is drawn."""

    def __init__(self, limit: int = 10) -> None:
        self.limit = limit
        self._hidden: set[str] = set()
        self._added: list[str] = []
        self._slots: dict[str, int] = {}

    @property
    def drawn(self) -> list[str]:
        """Ids of the runs to draw, as of the last `update`, best first."""
        return list(self._slots)

    def toggle(self, run_id: str) -> bool:
        """Take a run out of the chart, or put it in; return whether it is in from the next `update` on."""
        if run_id in self._slots:
            self._hidden.add(run_id)
            if run_id in self._added:
                self._added.remove(run_id)
            return False
        self._hidden.discard(run_id)
        if run_id not in self._added:
            self._added.append(run_id)
        return True

    def reset(self) -> None:
        """Forget what the user hid and added."""
        self._hidden.clear()
        self._added.clear()

    def update(self, ranked: Sequence[str], can_draw: Callable[[str], bool]) -> bool:
        """Choose anew.

        Args:
            ranked: Every run, best first.
            can_draw: Whether a run has something to draw; those that have come first.

        Returns:
            Whether other runs are drawn than before.
        """
        added = set(self._added[-self.limit :])
        chosen: list[str] = []
        for run_id in ranked:
            if len(chosen) >= self.limit - len(added) or not can_draw(run_id):
                break
            if run_id not in self._hidden and run_id not in added:
                chosen.append(run_id)
        wanted = set(chosen) | added
        # Looks no further than needed: with 10,000 runs the ten drawn ones are found at the top.
        ordered = chosen if not added else [run_id for run_id in ranked if run_id in wanted]
        free = [slot for slot in range(self.limit) if slot not in {self._slots[i] for i in wanted if i in self._slots}]
        slots = {run_id: self._slots[run_id] if run_id in self._slots else free.pop(0) for run_id in ordered}
        changed = list(slots.items()) != list(self._slots.items())
        self._slots = slots
        return changed

    def color(self, run_id: str, colors: ChartColors) -> str:
        """Return the colour of a drawn run."""
        return colors.series[self._slots[run_id] % len(colors.series)]

    def glyph(self, run_id: str, colors: ChartColors) -> str:
        """Return what stands for a drawn run where colours do not tell."""
        return colors.glyphs[self._slots[run_id] % len(colors.glyphs)]

    def marks(self, colors: ChartColors) -> dict[str, Mark]:
        """Return the marks of the runs that are drawn or were hidden."""
        marks = {run_id: Mark(HIDDEN) for run_id in self._hidden}
        for run_id in self._slots:
            marks[run_id] = Mark(self.glyph(run_id, colors), self.color(run_id, colors))
        return marks


def with_marked(marks: Mapping[str, Mark], marked_ids: Iterable[str]) -> dict[str, Mark]:
    """Return marks of the chart with a tick behind those of runs that the user marked."""
    result = dict(marks)
    for run_id in marked_ids:
        mark = marks.get(run_id, Mark())
        result[run_id] = Mark(f"{mark.glyph}{MARKED}", mark.color)
    return result
