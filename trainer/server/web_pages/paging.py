"""Long lists of a page, cut into pieces that the address names by `?page=`."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from trainer.server.web_pages.markup import Markup, link

PAGE = 100
_LAST = 100_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Which part of a list is shown."""

    number: int
    """From 1."""

    @classmethod
    def of(cls, request: Request) -> Piece:
        """Return what the address asks for; the first piece for anything strange."""
        given = request.query_params.get("page", "")
        number = int(given) if given.isascii() and given.isdigit() and len(given) < 9 else 1
        return cls(min(max(number, 1), _LAST))

    @property
    def offset(self) -> int:
        """Return how many rows come before."""
        return (self.number - 1) * PAGE

    def links(self, target: str, total: int) -> Markup:
        """Return the links to the pieces around; nothing if there is one piece only."""
        last = max((total + PAGE - 1) // PAGE, 1)
        if last == 1 and self.number == 1:
            return Markup("")
        parts = [f"<span>Page {self.number:,} of {last:,}</span>"]
        if self.number > 1:
            parts = [link("First", target), link("Previous", f"{target}?page={min(self.number - 1, last)}"), *parts]
        if self.number < last:
            parts += [link("Next", f"{target}?page={self.number + 1}"), link("Last", f"{target}?page={last}")]
        return Markup(f'<nav class="pages" aria-label="Pages">{" ".join(parts)}</nav>')
