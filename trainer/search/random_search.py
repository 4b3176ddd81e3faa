"""Random search: independent draws, each a function of the seed and of how many runs there are. Finite spaces end."""

from __future__ import annotations

import random
from collections.abc import Mapping

from trainer.records import Json
from trainer.search.distributions import quantile
from trainer.search.optimizer import Optimizer
from trainer.search.permutation import Permutation
from trainer.sweep.parameters import Beta, Bounded, Categorical, Parameter
from trainer.sweep.space import nest

_DRAWS = 100
"""Draws that may fall on points already taken before the rest is taken in shuffled order."""


class RandomSearch(Optimizer):
    """Draws points; in a finite space, each once: in shuffled order, or by weight as long as draws find new ones."""

    def __init__(self, config: Mapping[str, Json], seed: int) -> None:
        super().__init__(config, seed)
        self._is_weighted = self.size is None or any(_is_weighted(parameter) for parameter in self.space.parameters)
        self._leftovers = Leftovers(self.size, seed) if self.size is not None else None

    def _next(self) -> dict[str, Json] | None:
        if self._is_weighted:
            draws = random.Random(f"{self._seed}:{len(self._seen)}")
            for _ in range(_DRAWS):
                config = draw(self.space.parameters, draws)
                if not self._is_taken(config):
                    return config
            if self.size is None:
                # Endless in name only, such as q_normal with a small sigma: points come twice.
                return config
        index = self._leftovers.next(self._taken) if self._leftovers else None
        return None if index is None else self.space.point(index)

    def _forget(self, position: int) -> None:
        super()._forget(position)
        if self._leftovers:
            self._leftovers.rewind()


class Leftovers:
    """The points of a finite space in a seeded order, without those already taken."""

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._order = Permutation(size, f"leftovers:{seed}")
        self._cursor = 0

    def next(self, taken: set[int]) -> int | None:
        """Return the first point that is not taken; None when all are."""
        while self._cursor < self._size:
            index = self._order[self._cursor]
            if index not in taken:
                return index
            self._cursor += 1
        return None

    def rewind(self) -> None:
        """Start over, because a point was given back."""
        self._cursor = 0


def draw(parameters: tuple[Parameter, ...], draws: random.Random) -> dict[str, Json]:
    """Return one configuration drawn from the distributions of its parameters."""
    return nest([(parameter.path, quantile(parameter, draws.random())) for parameter in parameters])


def _is_weighted(parameter: Parameter) -> bool:
    """Return whether some values of a finite parameter are more likely than others."""
    if isinstance(parameter, Categorical):
        return len(set(parameter.weights)) > 1
    return isinstance(parameter, Beta) or (isinstance(parameter, Bounded) and parameter.is_log)
