"""Grid search: every configuration once, in W&B's order, at the same cost for the first and the 10^12th."""

from __future__ import annotations

from collections.abc import Mapping

from trainer.records import Json
from trainer.search.optimizer import Optimizer


class GridSearch(Optimizer):
    """Suggests the points of the grid that no run has, lowest number first."""

    def __init__(self, config: Mapping[str, Json], seed: int) -> None:
        super().__init__(config, seed)
        if self.size is None:
            # Raises the error that names the parameter.
            self.space.point(0)
        self._cursor = 0

    def _next(self) -> dict[str, Json] | None:
        while self._cursor in self._taken:
            self._cursor += 1
        return None if self.size is None or self._cursor >= self.size else self.space.point(self._cursor)

    def _forget(self, position: int) -> None:
        super()._forget(position)
        self._cursor = 0
