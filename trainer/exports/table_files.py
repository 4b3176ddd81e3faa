"""The table of runs as a file: CSV, JSON or Parquet, whole or not at all.

CSV is written as spreadsheets must be given it: a text that one would take for a formula gets an apostrophe before it.
Parquet is pandas' and pyarrow's; without the latter a sentence says so.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from trainer.atomic_file import write_atomically
from trainer.errors import MissingPackageError
from trainer.exports.runs_table import CellValue, RunsTable
from trainer.tracking.tables import harmless_text

if TYPE_CHECKING:
    import pandas as pd

TableFileFormat = Literal["csv", "json", "parquet"]


def write_table(table: RunsTable, path: Path, file_format: TableFileFormat) -> None:
    """Write the table to a file; a reader, or a crash, meets the old file or the new one.

    Raises:
        InputError: If the file cannot be written.
        MissingPackageError: If Parquet needs a package that is not installed.
    """
    writers: dict[TableFileFormat, Callable[[IO[bytes]], None]] = {
        "csv": lambda file: _as_text(file, lambda text: write_csv(table, text)),
        "json": lambda file: _as_text(file, lambda text: write_json(table, text)),
        "parquet": lambda file: _write_parquet(table, file),
    }
    if file_format == "parquet":
        require_parquet()
    write_atomically(path, writers[file_format])


def require_parquet() -> None:
    """Raise unless Parquet can be written.

    Raises:
        MissingPackageError: If pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingPackageError(
            "Parquet needs the package pyarrow, which is not installed.",
            hint="Run `pip install 'sweep-tui[parquet]'`, or take CSV or JSON.",
        )


def write_csv(table: RunsTable, file: IO[str]) -> None:
    """Write the table as CSV, numbers in full precision, times in ISO 8601."""
    columns = table.columns()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(map(harmless_text, columns))
    for row in table.rows():
        writer.writerow([_csv_cell(row.get(column)) for column in columns])


def write_json(table: RunsTable, file: IO[str]) -> None:
    """Write the table as a JSON list of one object per run; what a run does not have is left out."""
    separator = "[\n"
    for row in table.rows():
        file.write(
            separator + json.dumps({name: _json_cell(value) for name, value in row.items() if value is not None})
        )
        separator = ",\n"
    file.write("[]\n" if separator == "[\n" else "\n]\n")


def _as_text(file: IO[bytes], write: Callable[[IO[str]], None]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="")
    write(text)
    text.flush()
    text.detach()


def _csv_cell(value: CellValue) -> CellValue:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return harmless_text(value) if isinstance(value, str) else value


def _json_cell(value: CellValue) -> CellValue:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _write_parquet(table: RunsTable, file: IO[bytes]) -> None:
    import pandas as pd

    columns, rows = table.columns(), list(table.rows())
    frame = {column: _series([row.get(column) for row in rows]) for column in columns}
    pd.DataFrame(frame, columns=columns).to_parquet(file, engine="pyarrow", index=False)


def _series(values: list[CellValue]) -> pd.Series[Any]:
    """Return a column of one type, as Parquet wants it: of a parameter with numbers and texts, it is all texts."""
    import pandas as pd

    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean")
    if kinds == {int} and all(value is None or _is_small(cast(int, value)) for value in values):
        return pd.Series(values, dtype="Int64")
    if kinds and kinds <= {int, float} and not (kinds == {int}):
        return pd.Series(
            [None if value is None else _as_float(cast(float, value)) for value in values], dtype="float64"
        )
    if kinds == {datetime}:
        return pd.to_datetime(pd.Series(values), utc=True)
    return pd.Series([None if value is None else _as_text_cell(value) for value in values], dtype="string")


def _is_small(value: int) -> bool:
    return -(2**63) <= value < 2**63


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond what a float holds
        return math.inf if value > 0 else -math.inf


def _as_text_cell(value: CellValue) -> str:
    return value if isinstance(value, str) else json.dumps(_json_cell(value))
