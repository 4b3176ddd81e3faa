"""Samples of keys of a history: the same rows, whichever way they are found."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.server.conftest import Desk
from trainer.server.handlers.history_samples import rows_with_keys
from trainer.server.tables.streams import EVER

_NAMES = ["x", "y", "a.b", 'q"\\', "é"]


rows_of_a_run = st.lists(
    st.fixed_dictionaries(
        {"_step": st.integers(0, 30)},
        optional={
            "x": st.integers(0, 9),
            "y": st.none() | st.booleans() | st.text(max_size=3),
            "a.b": st.integers(0, 9),
            "a": st.fixed_dictionaries({}, optional={"b": st.none() | st.integers(0, 9)}),
            'q"\\': st.integers(0, 9),
            "é": st.sampled_from(['"x":', "y"]),
        },
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(
    rows=rows_of_a_run,
    names=st.lists(st.sampled_from(_NAMES), min_size=1, max_size=2, unique=True),
    steps=st.none() | st.tuples(st.integers(0, 30), st.integers(0, 30)),
    samples=st.integers(1, 50),
)
def test_samples_are_rows_with_the_keys_and_all_of_them_where_they_fit(
    tmp_path_factory: Any, rows: list[dict[str, Any]], names: list[str], steps: tuple[int, int] | None, samples: int
) -> None:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    try:
        desk.upsert_run("a")
        desk.log("a", *rows)
        low, high = steps or (-EVER, EVER)
        high -= steps is not None and high - low == samples  # older SDKs' way to say where a page ends

        def value(row: dict[str, Any], name: str) -> Any:
            found = row.get(name)
            return row.get("a", {}).get("b") if found is None and name == "a.b" else found

        expected = [
            {name: value(row, name) for name in names} | {"_step": row["_step"]}
            for row in sorted(rows, key=lambda row: row["_step"])
            if low <= row["_step"] <= high and all(value(row, name) is not None for name in names)
        ]
        connection, keys = desk.server.store.reader, ["_step", *names]
        found = rows_with_keys(connection, 1, keys, low, high, samples)
        assert len(found) == min(len(expected), samples)
        assert rows_with_keys(connection, 1, keys, low, high, 100) == expected
        rest = iter(expected)
        assert all(row in rest for row in found), "samples are in order, and each is a row"
    finally:
        desk.server.close()
