"""QuietStatic: a text that is laid out anew only when it has changed. Forms say the same at most keystrokes."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class QuietStatic(Static):
    """A text that can be shown again and again at no cost."""

    _shown: str | Content | None = None

    def show(self, content: str | Content, *, layout: bool = True) -> None:
        """Show a text, unless it is there already.

        Args:
            content: The text.
            layout: Whether the widget's size depends on it; the whole screen is laid out anew then.
        """
        if content != self._shown or type(content) is not type(self._shown):
            self._shown = content
            self.update(content, layout=layout)
