"""Runs by rank: whatever changes, in whatever portions, the order is that of sorting all keys."""

from __future__ import annotations

import random

import pytest

from tui.run_ranking import RankKey, RunRanking


@pytest.mark.parametrize("seed", range(5))
def test_moved_one_by_one_or_sorted_at_once_the_order_is_that_of_the_keys(seed: int) -> None:
    values, ranking, keys = random.Random(seed), RunRanking(), dict[str, RankKey]()
    for _ in range(60):
        changed: dict[str, RankKey] = {}
        for _ in range(values.choice([0, 1, 3, 20, 300])):
            run_id = f"r{values.randrange(500)}"
            # Many equal values, and equal times: then the id decides.
            changed[run_id] = (values.randrange(2), float(values.randrange(4)), float(values.randrange(3)), run_id)
        ranking.update(changed)
        keys |= changed
        for run_id in values.sample(sorted(keys), min(len(keys), values.randrange(3))):
            ranking.remove(run_id)
            del keys[run_id]
        expected = sorted(keys, key=keys.__getitem__)
        assert list(ranking.ids) == expected
        # More than are looked for one by one, at times.
        for run_id in values.choices(expected, k=values.choice([1, 5, 250])) if expected else ():
            assert expected[ranking.place(run_id) - 1] == run_id
