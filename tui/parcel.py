"""Parcel: what a worker is given, and does not keep. Pure."""

from __future__ import annotations

from typing import Generic, TypeVar

Content = TypeVar("Content")


class Parcel(Generic[Content]):
    """Something that is handed over once.

    Textual 8.2 has every worker refer to itself, through the context of its task, and to its arguments: they would lie
    about as garbage until Python looks among all objects. A parcel that was opened is empty.
    """

    __slots__ = ("_content",)

    def __init__(self, content: Content) -> None:
        self._content: list[Content] = [content]

    def open(self) -> Content:
        """Return what is in it; only once."""
        return self._content.pop()
