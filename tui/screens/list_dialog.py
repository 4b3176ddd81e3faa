"""ListDialog: a dialog around a list. On a small terminal the list scrolls; title and keys stay in sight."""

from __future__ import annotations

from textual.screen import ModalScreen, ScreenResultType
from textual.widget import Widget
from textual.widgets import DataTable, OptionList

LEAST_ROWS = 3


class ListDialog(ModalScreen[ScreenResultType]):
    """A modal screen with one `.dialog`, and in it one list or table that may be too long for the terminal."""

    def on_resize(self) -> None:
        """Fit the list into the new size."""
        self.call_after_refresh(self.fit_list)

    def fit_list(self) -> None:
        """Give the list the rows that the rest of the dialog leaves: else the dialog scrolls, and hides the cursor."""
        dialog = self.query_one(".dialog", Widget)
        shown = [child for child in dialog.children if child.display]
        fitted = next((child for child in shown if isinstance(child, OptionList | DataTable)), None)
        if fitted is None:
            return
        margins = [child.styles.margin for child in shown]
        gaps = [max(above.bottom, below.top) for above, below in zip(margins, margins[1:], strict=False)]
        rest = sum(child.outer_size.height for child in shown if child is not fitted)
        rest += sum(gaps) + margins[0].top + margins[-1].bottom + dialog.gutter.height
        most = dialog.styles.max_height
        share = most.value / 100 if most is not None and not most.is_cells else 1.0
        # What the style sheet says holds on terminals with room for it.
        fitted.styles.max_height = None
        said = fitted.styles.max_height
        limit = max(int(self.size.height * share) - rest, LEAST_ROWS)
        if said is None or not said.is_cells or said.value > limit:
            fitted.styles.max_height = limit
        if isinstance(fitted, OptionList):
            self.call_after_refresh(fitted.scroll_to_highlight)
