"""The table of runs as files, read back by other programs than ours."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pandas as pd
import pytest

from tests.unit.exports.sweep_of_runs import RUNS, SWEEP
from trainer.errors import InputError, MissingPackageError
from trainer.exports.runs_table import RunsTable
from trainer.exports.table_files import write_csv, write_json, write_table

TABLE = RunsTable(SWEEP, RUNS, SWEEP.metric)


def test_csv_holds_everything_known_of_a_run_and_pandas_reads_it() -> None:
    stream = io.StringIO()
    write_csv(TABLE, stream)
    frame = pd.read_csv(io.StringIO(stream.getvalue()))
    assert list(frame["id"]) == ["r1", "r2", "r3"]
    assert frame.columns[:4].to_list() == ["rank", "id", "name", "state"]
    first = frame.iloc[0]
    assert (first["best.acc"], first["last.acc"], first["config.lr"]) == (0.9, 0.7, 0.1)
    assert (first["branch"], first["commit"], first["tags"]) == ("main", "abc1234", "branch:main n1")
    assert first["url"] == "http://127.0.0.1:1/me/wine/runs/r1"
    assert pd.to_datetime(first["ended_at"]) - pd.to_datetime(first["created_at"]) == pd.Timedelta(seconds=2.5)
    assert list(frame.columns).index("config.model") < list(frame.columns).index("config.seed")
    assert pd.isna(frame.iloc[2]["best.acc"])


def test_a_text_that_a_spreadsheet_would_compute_is_made_harmless() -> None:
    stream = io.StringIO()
    write_csv(TABLE, stream)
    assert "'=HYPERLINK" in stream.getvalue()
    assert ',"=' not in stream.getvalue() and ",=" not in stream.getvalue()


def test_json_is_strict_and_leaves_out_what_a_run_does_not_have() -> None:
    stream = io.StringIO()
    write_json(TABLE, stream)
    rows = json.loads(stream.getvalue(), parse_constant=pytest.fail)
    assert rows[0]["summary.deep.loss"] == "NaN"
    assert "best.acc" not in rows[2] and rows[2]["config.size"] == 10**30
    empty = io.StringIO()
    write_json(RunsTable(SWEEP, (), SWEEP.metric), empty)
    assert json.loads(empty.getvalue()) == []


def test_parquet_has_one_type_per_column_and_is_read_back(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "runs.parquet"
    write_table(TABLE, path, "parquet")
    frame = pd.read_parquet(path)
    assert list(frame["best.acc"][:2]) == [0.9, 0.8] and math.isnan(frame["best.acc"][2])
    assert list(frame["config.model"]) == ["svm", "3", "svm"]
    assert list(frame["config.seed"]) == [1, 2, 3] and frame["config.seed"].dtype == "Int64"
    assert frame["config.size"][2] == str(10**30)
    assert frame["created_at"][0].tzinfo is not None
    write_table(RunsTable(SWEEP, (), SWEEP.metric), path, "parquet")
    assert len(pd.read_parquet(path)) == 0


def test_without_pyarrow_a_sentence_says_so_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "runs.parquet"
    path.write_text("old")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"pip install 'sweep-tui\[parquet\]'"):
        write_table(TABLE, path, "parquet")
    assert path.read_text() == "old"


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_table(TABLE, tmp_path / "there", "csv")
    write_table(TABLE, tmp_path / "new" / "runs.csv", "csv")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["runs.csv"]
