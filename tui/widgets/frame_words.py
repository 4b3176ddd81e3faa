"""Words in a widget's frame, set only where they differ: Textual repaints the whole widget whenever they are set."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget


def say_in_frame(widget: Widget, *, title: str | None = None, subtitle: str | None = None) -> None:
    """Show plain texts above and below a widget; None leaves what is there."""
    if title is not None and Content(title).markup != widget.border_title:
        widget.border_title = Content(title)
    if subtitle is not None and Content(subtitle).markup != widget.border_subtitle:
        widget.border_subtitle = Content(subtitle)
