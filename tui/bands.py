"""A picture of hyperband's bands: when runs are judged, and how many go on. Pure; text with no colour of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.records import Json
from trainer.sweep.early_terminate_rules import DEFAULT_ETA
from trainer.sweep.findings import is_number
from trainer.sweep.iterations import RunLength, bands_of, run_length
from tui.sweep_count import short_count

_LABEL_WIDTH = 8
_MIN_SEGMENT = 7
_BLOCKS = "▁▂▃▄▅▆▇█"
_USUAL_BANDS = 4
"""Bands drawn where nobody knows how long runs are: the hundred that W&B makes lead to numbers nobody reads."""


@dataclass(frozen=True, slots=True)
class BandsPicture:
    """Three lines that stand one above the other, and the same in words."""

    bar: str
    """How many runs are left, as the height of a bar over the logged values."""
    runs: str
    """How many that is, at the band from which on it holds."""
    logged: str
    """The bands, in logged values."""
    words: str

    @property
    def lines(self) -> tuple[str, str, str]:
        """The picture from top to bottom."""
        return self.bar, self.runs, self.logged


def survivors(runs: int, looks: int, eta: float) -> list[int]:
    """Return how many of `runs` go on after each look, when all come to it at the same time and no two are equal.

    The threshold is the value at place `int(runs / eta)`, counted from 0, and who has just that value goes on: one more
    than the share says.
    """
    left: list[int] = []
    for _ in range(looks):
        # As upstream rounds it; see `trainer.search.hyperband`.
        runs = min(int((1.0 / eta) * runs) + 1, runs)
        left.append(runs)
    return left


def bands_picture(config: Mapping[str, Json], runs: int | None, width: int) -> BandsPicture | None:
    """Return the picture of a sweep's `early_terminate`, or None where it has no bands.

    Args:
        config: The sweep configuration, right or wrong.
        runs: How many runs there will be; None for no end of them.
        width: Columns of each line.
    """
    entry = config.get("early_terminate")
    if not isinstance(entry, Mapping) or not (bands := bands_of(entry)):
        return None
    eta = entry.get("eta", DEFAULT_ETA)
    assert is_number(eta), "bands_of has looked"
    length = run_length(config)
    end = _end(entry, length)
    shown = [band for band in dict.fromkeys(bands) if end is None or band < end or band == bands[0]]
    fitting = max((width - _LABEL_WIDTH) // _MIN_SEGMENT - 1, 1)
    limit = min(fitting, len(shown) if end is not None else _USUAL_BANDS)
    is_cut = len(shown) > limit
    shown = shown[:limit]
    segment = max(min((width - _LABEL_WIDTH) // (len(shown) + 1), 16), 1)
    shares = [1.0, *(eta**-number for number in range(1, len(shown) + 1))]
    left = None if runs is None else [runs, *survivors(runs, len(shown), eta)]
    if runs and left:
        shares = [count / runs for count in left]
    counts = [short_count(count) for count in left] if left else [f"{share:.0%}" for share in shares]
    last = "…" if is_cut or end is None else _end_text(end) if end > shown[-1] else ""
    marks = ["0", *(f"{band:,}" for band in shown)]
    return BandsPicture(
        " " * _LABEL_WIDTH + "".join(_block(share) * segment for share in shares),
        _columns("runs", counts, segment),
        _columns("logged", marks, segment) + last,
        _words(entry, shown, is_cut or end is None, eta, config, length),
    )


def _end_text(end: float) -> str:
    """Return how many values a run logs, with every digit where they do not take more room than the bands."""
    text = f"{end:,.0f}" if float(end).is_integer() else f"{end:,.4g}"
    return text if len(text) < _MIN_SEGMENT + 4 else short_count(int(end))


def _end(entry: Mapping[str, Json], length: RunLength | None) -> float | None:
    """Return how many values a whole run logs, as far as anybody said."""
    if length is not None:
        return length.values
    max_iter = entry.get("max_iter")
    return max_iter if is_number(max_iter) else None


def _block(share: float) -> str:
    return _BLOCKS[max(min(round(share * len(_BLOCKS)), len(_BLOCKS)), 1) - 1]


def _columns(label: str, texts: Sequence[str], segment: int) -> str:
    return label.ljust(_LABEL_WIDTH) + "".join(text[: segment - 1].ljust(segment) for text in texts)


def _words(
    entry: Mapping[str, Json],
    shown: Sequence[int],
    goes_on: bool,
    eta: float,
    config: Mapping[str, Json],
    length: RunLength | None,
) -> str:
    metric = config.get("metric")
    name = metric.get("name") if isinstance(metric, Mapping) else None
    looks = ", ".join(f"{band:,}" for band in shown) + (", …" if goes_on else "")
    what = f"values of {name}" if isinstance(name, str) and name else "values"
    judged = "by the value there" if entry.get("strict", True) is True else "by their best value so far"
    words = [f"After {looks} logged {what} runs are judged {judged}; about the best 1/{eta:g} go on."]
    if shown[0] <= 1:
        words.append("The first look is at the very first value.")
    if length is not None:
        words.append(f"A run logs {length.values:,} if `{length.source}` says it.")
    else:
        words.append("A logged value is not an epoch: a program that logs every tenth has logged 3 after 30.")
    return " ".join(words)
