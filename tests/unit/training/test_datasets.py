from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainer.errors import DatasetError
from trainer.training.datasets import load_split


@pytest.mark.parametrize(
    ("name", "rows", "features", "classes"),
    [("wine", 178, 13, 3), ("iris", 150, 4, 3), ("breast_cancer", 569, 30, 2), ("digits", 1797, 64, 10)],
)
def test_built_in_data_sets_are_split_class_by_class(name: str, rows: int, features: int, classes: int) -> None:
    split = load_split(name, None, seed=1, validation_fraction=0.25)
    assert len(split.training_x) + len(split.validation_x) == rows
    assert split.training_x.shape[1] == features == len(split.feature_names)
    assert len(split.class_names) == classes
    shares = np.bincount(split.training_y) / len(split.training_y)
    np.testing.assert_allclose(
        np.bincount(split.validation_y) / len(split.validation_y), shares, atol=1.5 / len(split.validation_y)
    )


def test_the_seed_decides_the_split() -> None:
    first, again, other = (load_split("wine", None, seed=seed, validation_fraction=0.2) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.validation_x, again.validation_x)
    assert not np.array_equal(first.validation_x, other.validation_x)


def test_columns_of_a_csv_file_become_numbers(tmp_path: Path) -> None:
    lines = ["size, colour, sweet, empty, code, kind"]
    for i in range(80):
        lines.append(f"{'' if i == 0 else i}, {'' if i % 4 == 0 else 'red'}, {i % 2 == 0}, , c{i}, {i % 2 + 3}")
    path = tmp_path / "fruit.csv"
    path.write_text("\n".join(lines))
    split = load_split(str(path), "kind", seed=0, validation_fraction=0.5)
    assert split.class_names == ("3", "4")
    assert np.isfinite(split.training_x).all() and np.isfinite(split.validation_x).all()
    assert {"size", "sweet", "colour=red", "colour=(missing)", "code=(rare)"} <= set(split.feature_names)
    assert "empty" not in split.feature_names
    assert set(split.training_x[:, split.feature_names.index("sweet")]) == {0.0, 1.0}


def test_classes_that_are_whole_numbers_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "quality.csv"
    path.write_text('"a";"quality"\n' + "".join(f"{i};{(9, 10, 11)[i % 3]}\n" for i in range(30)))
    assert load_split(str(path), "quality", seed=0, validation_fraction=0.3).class_names == ("9", "10", "11")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty"),
        ("a,kind\n", "has no value at all"),
        ("a,kind\n1,x\n2,x\n3,x\n", "has only one class, 'x'"),
        ("a,kind\n1,x\n2,x\n3,y\n4,x\n", "The class 'y' of .* has a single row"),
        ("kind\nx\nx\ny\ny\n", "has no column besides 'kind'"),
        ("a,kind\n" + "".join(f"{i},{i}.5\n" for i in range(99)), "99 different numbers: a quantity, not a class"),
        ("a,kind\n" + "".join(f"{i},name{i}\n" for i in range(9)), "has 9 different values in 9 rows"),
        ("a,kind\n" + "1,x\n2,y\n" * 2, "gives 3 training rows and 1 validation rows for 2 classes"),
        ("a,kind\n1,x\n1,x,3,4\n", "cannot be read as CSV"),
    ],
)
def test_a_csv_file_that_cannot_be_used_says_why(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(content)
    with pytest.raises(DatasetError, match=sentence):
        load_split(str(path), "kind", seed=0, validation_fraction=0.2)


def test_a_file_that_is_not_text_says_so(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DatasetError, match="cannot be read: it is not UTF-8 text"):
        load_split(str(path), "kind", seed=0, validation_fraction=0.2)


def test_text_that_is_not_utf8_further_down_says_so(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"colour,kind\n" + b"red,x\ngr\xfcn,y\n" * 5)
    with pytest.raises(DatasetError, match="it is not UTF-8 text. Save it as UTF-8"):
        load_split(str(path), "kind", seed=0, validation_fraction=0.2)


def test_numbers_too_large_for_32_bits_count_as_missing(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,kind\n" + "".join(f"{'1e300' if i < 4 else i},{i % 2}\n" for i in range(40)))
    split = load_split(str(path), "kind", seed=0, validation_fraction=0.25)
    assert 4 <= split.training_x.min() and split.training_x.max() < 40


def test_a_class_without_a_training_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,kind\n" + "1,common\n" * 98 + "2,rare\n" * 2)
    with pytest.raises(DatasetError, match="the class 'rare' of .* has no training row. Give a smaller"):
        load_split(str(path), "kind", seed=0, validation_fraction=0.95)


def test_two_rows_of_each_class_are_enough_as_the_hint_says(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,kind\n1,x\n2,x\n3,y\n4,y\n")
    with pytest.raises(DatasetError, match="--validation_fraction 0.5"):
        load_split(str(path), "kind", seed=0, validation_fraction=0.2)
    split = load_split(str(path), "kind", seed=0, validation_fraction=0.5)
    assert sorted(split.training_y) == sorted(split.validation_y) == [0, 1]
