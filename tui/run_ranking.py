"""RunRanking: ids of runs by rank, the best first. Few changes move few ids: 10,000 are not sorted for twenty. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence

RankKey = tuple[int, float, float, str]
"""Whether a run has no value, its value (the smaller the better), when it began, and its id: no two are equal."""
_FEW = 200
"""Changed keys up to which ids are moved one by one; and places that are looked for before all are counted."""


class RunRanking:
    """Runs in the order of their keys."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._keys: dict[str, RankKey] = {}
        self._places: dict[str, int] | None = None
        self._asked = 0

    @property
    def ids(self) -> Sequence[str]:
        """All of them, the best first."""
        return self._ids

    def update(self, keys: Mapping[str, RankKey]) -> None:
        """Take in runs that are new, or have another key."""
        known = self._keys
        moved = [run_id for run_id, key in keys.items() if known.get(run_id) != key]
        if not moved:
            return
        self._places, self._asked = None, 0
        if len(moved) > _FEW:
            self._ids.extend(run_id for run_id in moved if run_id not in known)
            known.update(keys)
            self._ids.sort(key=known.__getitem__)
            return
        for run_id in moved:
            if run_id in known:
                self._take_out(run_id)
        for run_id in moved:
            known[run_id] = keys[run_id]
            insort(self._ids, run_id, key=known.__getitem__)

    def remove(self, run_id: str) -> None:
        """Forget a run."""
        self._places, self._asked = None, 0
        self._take_out(run_id)

    def place(self, run_id: str) -> int:
        """Return a run's place, counting from 1."""
        if self._places is None:
            self._asked += 1
            if self._asked <= _FEW:
                return self._index(run_id) + 1
            self._places = {ranked: place for place, ranked in enumerate(self._ids, 1)}
        return self._places[run_id]

    def _take_out(self, run_id: str) -> None:
        del self._ids[self._index(run_id)]
        del self._keys[run_id]

    def _index(self, run_id: str) -> int:
        return bisect_left(self._ids, self._keys[run_id], key=self._keys.__getitem__)
