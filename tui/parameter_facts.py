"""What the builder says about a parameter in one line: its text, its distribution, how many values it has. Pure.

Reading a long list back costs milliseconds, so that facts are kept for as long as an entry is the same object; entries
are replaced when they are edited, never changed in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.sweep.parameters import Parameter, infer_distribution, parameter_from_config
from tui.shorthand import format_entry
from tui.sweep_count import short_count
from tui.sweep_draft import ParameterDraft

ENDLESS = "∞"


@dataclass(frozen=True)
class ParameterFacts:
    """Facts of one entry; worked out when they are first asked for."""

    entry: Json

    @cached_property
    def text(self) -> str:
        """The entry as it is typed."""
        return format_entry(self.entry)

    @cached_property
    def kind(self) -> str:
        """The distribution W&B reads into the entry; empty if there is none."""
        return (infer_distribution(self.entry) or "") if isinstance(self.entry, dict) else ""

    @cached_property
    def parameter(self) -> Parameter | None:
        """The parameter; None if it cannot be built from the entry."""
        if not isinstance(self.entry, dict):
            return None
        try:
            return parameter_from_config(("x",), self.entry)
        except SweepConfigError:
            return None

    @cached_property
    def count(self) -> int | None:
        """How many values it can take; None if there is no end to them, or it cannot be counted."""
        choices = (self.parameter.grid or self.parameter.choices) if self.parameter else None
        return choices.count if choices is not None else None

    @property
    def count_text(self) -> str:
        """`×3`, `∞`; empty for a constant and for what is not there yet."""
        if self.kind in ("", "constant"):
            return ""
        if self.parameter is None:
            return "?"
        return ENDLESS if self.count is None else f"×{short_count(self.count)}"


class FactsCache:
    """Facts by entry, as long as the entry is there."""

    def __init__(self) -> None:
        self._facts: dict[int, ParameterFacts] = {}

    def of(self, entry: Json) -> ParameterFacts:
        """Return the facts of an entry."""
        facts = self._facts.get(id(entry))
        if facts is None or facts.entry is not entry:
            facts = self._facts[id(entry)] = ParameterFacts(entry)
        return facts

    def keep_only(self, rows: Sequence[ParameterDraft]) -> None:
        """Forget what no row has any more, once there is much of it."""
        if len(self._facts) > 2 * len(rows) + 100:
            kept = {id(row.entry) for row in rows}
            self._facts = {key: facts for key, facts in self._facts.items() if key in kept}
