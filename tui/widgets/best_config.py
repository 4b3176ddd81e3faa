"""BestConfig: the configuration of the best run, values aligned, ready to be copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from trainer.insight.intervals import Mean
from trainer.records import Json, Metric, RunRecord
from tui.columns import flat_items, metric_order, summary_numbers
from tui.formatting import cells_of, count_text, metric_text, on_one_line, padded, shortened, value_text


class BestConfig(VerticalScroll, can_focus=True):
    """What to use: swept values first, then the metrics, then what was the same for every run."""

    COMPONENT_CLASSES = {f"best-config--{look}" for look in ("name", "key", "value", "best", "muted")}
    DEFAULT_CSS = """
    BestConfig {
        height: auto;
        & > Static { height: auto; width: 100%; }
        & > .best-config--name { color: $foreground; text-style: bold; }
        & > .best-config--key { color: $text-muted; }
        & > .best-config--value { color: $foreground; text-style: bold; }
        & > .best-config--best { color: $accent; text-style: bold; }
        & > .best-config--muted { color: $text-muted; }
    }
    """

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._lines = Static("", id="best-lines")
        self._run: RunRecord | None = None
        self._metric: Metric | None = None
        self._value: float | None = None
        self._first: Sequence[str] = ()
        self._url = ""
        self._before: RunRecord | None = None
        self._gain: float | None = None
        self._mean: Mean | None = None

    def compose(self) -> ComposeResult:
        """Compose the text."""
        yield self._lines

    def on_mount(self) -> None:
        """Say what is missing until a run has a value."""
        self._redraw()

    def on_resize(self) -> None:
        """Cut the lines to the new width."""
        self._redraw()

    def show(
        self,
        run: RunRecord | None,
        metric: Metric | None,
        value: float | None,
        first: Sequence[str],
        url: str = "",
        before: RunRecord | None = None,
        gain: float | None = None,
        mean: Mean | None = None,
    ) -> None:
        """Show a run.

        Args:
            run: The best run; None while there is none.
            metric: What ranks runs.
            value: The run's value of it.
            first: Dotted configuration keys that the sweep varies, in their order.
            url: The run's page, which its name leads to in terminals that know links; empty for none.
            before: The best run before this one came; None for none.
            gain: By how much this one beat it, as a size.
            mean: Of all runs of its configuration, by which that is the best; None where runs are judged one by one.
        """
        shown = (self._run, self._metric, self._value, self._first, self._url, self._before, self._gain, self._mean)
        if (run, metric, value, first, url, before, gain, mean) == shown:
            return
        self._run, self._metric, self._value, self._first, self._url = run, metric, value, first, url
        self._before, self._gain, self._mean = before, gain, mean
        self._redraw()

    def _redraw(self) -> None:
        # Not looked up: while the app ends, its text may have left before it.
        if self.is_mounted and self._lines.is_mounted:
            self._lines.update(self._text(self.scrollable_content_region.width))

    def _style(self, look: str) -> Style:
        full = self.get_component_rich_style(f"best-config--{look}")
        return Style(color=full.color, bold=full.bold)

    def _text(self, width: int) -> Text:
        run = self._run
        if run is None:
            words = f"No run has a value of {self._metric.name} yet." if self._metric else "No metric, so no best run."
            return Text(words, self._style("muted"))
        flat = dict(flat_items(run.config))
        swept: dict[str, Json] = {key: flat[key] for key in self._first if key in flat}
        rest = {key: value for key, value in flat.items() if key not in swept}
        own = self._metric.name if self._metric else ""
        numbers = dict(summary_numbers(run.summary))
        metrics = {key: numbers[key] for key in sorted(numbers, key=metric_order) if key != own}
        longest = max((cells_of(key) for key in (*flat, *metrics)), default=0)
        key_width = min(longest, max(width // 2, 8))
        lines = [self._headline(run, width), *self._progress(width)]
        old = dict(flat_items(self._before.config)) if self._before is not None else {}
        for key, value in swept.items():
            changed = key in old and old[key] != value
            shown = f"{value_text(old[key], 14)} → " if changed else ""
            lines.append(self._pair(key, value_text(value), "value", width, key_width, shown))
        if metrics:
            lines += [
                Text(),
                *self._pairs({key: metric_text(number) for key, number in metrics.items()}, "muted", width, key_width),
            ]
        if rest:
            lines += [
                Text(),
                *self._pairs({key: value_text(value) for key, value in rest.items()}, "muted", width, key_width),
            ]
        return Text("\n", no_wrap=True).join(lines)

    def _headline(self, run: RunRecord, width: int) -> Text:
        text = Text("★ ", self._style("best"), no_wrap=True)
        value = self._value if self._mean is None else self._mean.mean
        if self._metric and value is not None:
            text.append(f"{self._metric.name} {metric_text(value)}", self._style("best"))
        if self._mean is not None:
            half = f" ± {metric_text(self._mean.half_width)}" if self._mean.half_width is not None else ""
            text.append(f"{half}  of {count_text(self._mean.count, 'run')}", self._style("muted"))
            text.truncate(width, overflow="ellipsis")
            return text
        text.append("  ")
        text.append(on_one_line(run.name), self._style("name") + Style(link=self._url or None))
        text.truncate(width, overflow="ellipsis")
        return text

    def _progress(self, width: int) -> list[Text]:
        """Return what is to be known of how good it is, on a line with air below; nothing for the first best run."""
        if self._mean is not None and self._run is not None:
            found = f"the best of them {metric_text(self._value)}: {on_one_line(self._run.name)}"
            return [Text(shortened(found, width), self._style("muted")), Text()]
        if self._before is None or self._gain is None:
            return []
        text = Text.assemble(
            ("▲ ", self._style("best")),
            (metric_text(self._gain), self._style("value")),
            (f" better than {on_one_line(self._before.name)}", self._style("muted")),
        )
        text.truncate(width, overflow="ellipsis")
        return [text, Text()]

    def _pair(self, key: str, value: str, look: str, width: int, key_width: int, before: str = "") -> Text:
        room = max(width - key_width - 2, 1)
        before = before if len(before) + min(len(value), 8) <= room else ""
        return Text.assemble(
            (padded(shortened(key, key_width), key_width), self._style("key")),
            "  ",
            (before, self._style("muted")),
            (shortened(value, room - len(before)), self._style(look)),
        )

    def _pairs(self, pairs: Mapping[str, str], look: str, width: int, key_width: int) -> list[Text]:
        return [self._pair(key, value, look, width, key_width) for key, value in pairs.items()]
