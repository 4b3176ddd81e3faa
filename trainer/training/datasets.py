"""Data sets as training and validation arrays: four that scikit-learn ships, or a CSV file with a target column.

The rules for a CSV file. The separator is the one the file uses (`,`, `;`, tab or `|`). Rows without a target are left
out. Columns of numbers and of true/false are used as they are; what is missing becomes the median of the training rows.
Every other column is a category: one-hot, a missing value being a category of its own and, beyond 30 values, the rare
ones sharing one. A column without any value is left out.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.errors import DatasetError
from trainer.training.catalog import DATASETS
from trainer.training.hyperparameters import closest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

MOST_CATEGORIES = 30
"""Values of a category that get a column of their own."""
MOST_CLASSES = 100
"""Different whole numbers that a target may hold and still be classes."""
_MISSING = "(missing)"


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """One data set, split with a seed, each class in both parts in proportion."""

    training_x: NDArray[np.float64]
    training_y: NDArray[np.intp]
    """Index into `class_names` of each row."""
    validation_x: NDArray[np.float64]
    validation_y: NDArray[np.intp]
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    encoder: Any = None
    """Fitted scikit-learn transformer from the CSV file's columns to the arrays; None for a built-in data set."""
    dropped_rows: int = 0
    """Rows left out because their target is missing."""


def check_dataset(dataset: str, target: str | None) -> None:
    """Find what is wrong with a data set at a glance: reads a CSV file's header, imports nothing heavy.

    Raises:
        DatasetError: If it is neither built in nor a readable CSV file with the column `target`.
    """
    if dataset in DATASETS:
        return
    path = Path(dataset)
    if not path.exists():
        if path.suffix or "/" in dataset:
            raise DatasetError(f"The CSV file {dataset} does not exist.", hint=f"Built in are {', '.join(DATASETS)}.")
        hint = f"{closest(dataset, DATASETS)} Built in are {', '.join(DATASETS)}; or give the path of a CSV file."
        raise DatasetError(f"There is no data set {dataset!r}.", hint=hint.strip())
    columns, _ = _header(path)
    if target is None:
        raise DatasetError(f"{dataset} needs a column to predict.", hint=f"Give --target, one of {_listed(columns)}.")
    if target not in columns:
        hint = f"{closest(target, columns)} Its columns are {_listed(columns)}.".strip()
        raise DatasetError(f"{dataset} has no column {target!r}.", hint=hint)


def load_split(dataset: str, target: str | None, *, seed: int, validation_fraction: float) -> Split:
    """Load a data set and split it.

    Raises:
        DatasetError: If it cannot be used: unknown, unreadable, or without enough rows of each class.
    """
    check_dataset(dataset, target)
    if dataset not in DATASETS:
        assert target is not None, "check_dataset insists on a target for files"
        return _load_csv(Path(dataset), target, seed, validation_fraction)
    import sklearn.datasets

    bunch = getattr(sklearn.datasets, f"load_{dataset}")()
    class_names = tuple(str(name) for name in bunch.target_names)
    training, validation = _split_rows(bunch.target, class_names, seed, validation_fraction, dataset)
    return Split(
        bunch.data[training],
        bunch.target[training],
        bunch.data[validation],
        bunch.target[validation],
        tuple(str(name) for name in bunch.feature_names),
        class_names,
    )


def _load_csv(path: Path, target: str, seed: int, validation_fraction: float) -> Split:
    import numpy as np
    import pandas as pd

    _, separator = _header(path)
    try:
        table = pd.read_csv(path, sep=separator, encoding="utf-8-sig", skipinitialspace=True, low_memory=False)
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} cannot be read: it is not UTF-8 text.", hint="Save it as UTF-8.") from error
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = str(error).strip().rstrip(".")
        raise DatasetError(f"{path} cannot be read as CSV: {reason}.", hint="Mend that line.") from error
    table.columns = table.columns.str.strip()
    labelled = table[table[target].notna()]
    labels = _class_labels(labelled[target], path)
    class_names, codes = np.unique(labels, return_inverse=True)
    features = labelled.drop(columns=target).dropna(axis="columns", how="all")
    if features.columns.empty:
        raise DatasetError(f"{path} has no column besides {target!r} to learn from.")
    names = tuple(str(name) for name in class_names)
    training, validation = _split_rows(codes, names, seed, validation_fraction, str(path))
    encoder = _encoder(features)
    training_x = encoder.fit_transform(features.iloc[training])
    validation_x = encoder.transform(features.iloc[validation])
    return Split(
        np.asarray(training_x, dtype=np.float64),
        codes[training],
        np.asarray(validation_x, dtype=np.float64),
        codes[validation],
        tuple(str(name) for name in encoder.get_feature_names_out()),
        names,
        encoder,
        len(table) - len(labelled),
    )


def _class_labels(target: pd.Series[Any], path: Path) -> NDArray[Any]:
    """Return the class of each row: a whole number where all are, else a text."""
    import numpy as np
    import pandas as pd

    if target.empty:
        raise DatasetError(f"The column {target.name!r} of {path} has no value at all.", hint="Choose another target.")
    distinct = target.nunique()
    is_number = pd.api.types.is_numeric_dtype(target) and not pd.api.types.is_bool_dtype(target)
    if is_number and (target == target.round()).all() and distinct <= MOST_CLASSES:
        return np.asarray(target.astype("int64"))
    if is_number and distinct > MOST_CATEGORIES:
        raise DatasetError(
            f"The column {target.name!r} of {path} holds {distinct} different numbers: a quantity, not a class.",
            hint="Choose a target with few values.",
        )
    if distinct > max(2, len(target) // 2):
        raise DatasetError(
            f"The column {target.name!r} of {path} has {distinct} different values in {len(target)} rows.",
            hint="Choose a target with few values.",
        )
    return np.asarray([str(value) for value in target], dtype=str)


def _encoder(features: pd.DataFrame) -> Any:
    """Return the unfitted transformer that turns the columns of a CSV file into numbers."""
    import numpy as np
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

    numbers = [name for name in features.columns if pd.api.types.is_numeric_dtype(features[name])]
    categories = [name for name in features.columns if name not in numbers]
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=MOST_CATEGORIES,
        sparse_output=False,
        dtype=np.float64,
        feature_name_combiner=category_column,
    )
    as_text = FunctionTransformer(texts_of_categories, feature_names_out="one-to-one")
    as_floats = FunctionTransformer(floats_of_numbers, feature_names_out="one-to-one")
    median = SimpleImputer(strategy="median", keep_empty_features=True)
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(as_floats, median), numbers),
            ("categories", make_pipeline(as_text, one_hot), categories),
        ],
        verbose_feature_names_out=False,
    )


def category_column(column: str, category: object) -> str:
    """Return the name of the one-hot column of a category. Public because a saved model refers to it."""
    return f"{column}={'(rare)' if category == 'infrequent_sklearn' else category}"


def texts_of_categories(table: pd.DataFrame) -> pd.DataFrame:
    """Return every value as a text, a missing one as `(missing)`. Public because a saved model refers to it."""
    return table.astype(object).where(table.notna(), _MISSING).astype(str).astype(object)


def floats_of_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Return every value as a float; what 32 bits cannot hold, infinity too, counts as missing.

    Trees and XGBoost refuse larger ones. Public because a saved model refers to it.
    """
    import numpy as np

    floats = table.astype(np.float64)
    return floats.where(floats.abs() <= np.finfo(np.float32).max)


def _split_rows(
    codes: NDArray[np.intp], class_names: Sequence[str], seed: int, validation_fraction: float, source: str
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the row numbers for training and for validation, stratified."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    counts = np.bincount(codes, minlength=len(class_names))
    if len(class_names) < 2:
        raise DatasetError(f"{source} has only one class, {class_names[0]!r}.", hint="Choose another target.")
    if counts.min() < 2:
        rare = class_names[int(counts.argmin())]
        raise DatasetError(
            f"The class {rare!r} of {source} has a single row, which cannot be split.",
            hint="Every class needs two rows or more.",
        )
    held_out = int(np.ceil(validation_fraction * len(codes)))
    if min(held_out, len(codes) - held_out) < len(class_names):
        raise DatasetError(
            f"With --validation_fraction {validation_fraction:g}, {source} gives {len(codes) - held_out} training "
            f"rows and {held_out} validation rows for {len(class_names)} classes.",
            hint="Each part needs at least one row of every class: give --validation_fraction 0.5.",
        )
    training, validation = train_test_split(
        np.arange(len(codes)), test_size=validation_fraction, random_state=seed, stratify=codes
    )
    unseen = np.flatnonzero(np.bincount(codes[training], minlength=len(class_names)) == 0)
    if len(unseen):
        raise DatasetError(
            f"With --validation_fraction {validation_fraction:g}, the class {class_names[unseen[0]]!r} of {source} "
            "has no training row.",
            hint="Give a smaller --validation_fraction.",
        )
    return training, validation


def _header(path: Path) -> tuple[list[str], str]:
    """Return the column names of a CSV file and its separator."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first_line = file.readline()
    except (OSError, UnicodeDecodeError) as error:
        reason, hint = "it is not UTF-8 text", "Save it as UTF-8."
        if isinstance(error, OSError):
            reason, hint = error.strerror or str(error), "Give the path of a CSV file."
        raise DatasetError(f"{path} cannot be read: {reason}.", hint=hint) from error
    if not first_line.strip():
        raise DatasetError(f"{path} is empty.", hint="Its first line must name the columns.")
    separator = max(",;\t|", key=first_line.count)
    return [name.strip() for name in next(csv.reader([first_line], delimiter=separator))], separator


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns[:20]) + (f" and {len(columns) - 20} more" if len(columns) > 20 else "")
