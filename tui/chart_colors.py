"""The colours and glyphs of what charts draw, by theme. Pure; owns no theme and no chart.

A curve's colour is `#rrggbb`, or one of the terminal's own as Textual names it (`ansi_bright_blue`).
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.color import Color as RichColor
from rich.color import ColorType
from rich.style import Style
from rich.text import Span, Text
from textual.color import Color
from textual.theme import Theme

Triple = tuple[int, int, int]
DOT = ("●",) * 10
SHAPES = ("●", "▲", "■", "◆", "▼", "○", "△", "□", "◇", "▽")


@dataclass(frozen=True, slots=True)
class ChartColors:
    """What the charts of one theme are drawn with."""

    series: tuple[str, ...]
    """Colours of curves, the best run's first; as many as there are glyphs."""
    best: str
    """The colour of the best run and of the best value so far."""
    glyphs: tuple[str, ...] = DOT
    """What stands for each curve in the table, the legend and at the curve's end."""

    @property
    def quiet(self) -> str:
        """The colour of what is many and of which none matters."""
        return self.series[7]

    @property
    def has_shapes(self) -> bool:
        """Whether curves have a glyph of their own each."""
        return len(set(self.glyphs)) > 1


DARK = ChartColors(
    (
        "#7da6f0", "#ef9a5d", "#8ccf7e", "#d58ff0", "#5ac8be",
        "#f57f88", "#d9cf6a", "#a3b4c9", "#f4a6c8", "#58b2e2",
    ),
    "#f0bc50",
)  # fmt: skip
LIGHT = ChartColors(
    (
        "#2f5bb7", "#a0480a", "#2a722d", "#8a3ab0", "#0a6f69",
        "#bd2b3a", "#6f5f00", "#56657a", "#a83572", "#0f6a9c",
    ),
    "#875700",
)  # fmt: skip
# Okabe and Ito, "Color Universal Design", 2008: their eight, each as light or as dark as text on this ground must be,
# and two more that stand apart by lightness.
COLORBLIND_DARK = ChartColors(
    (
        "#56b4e9", "#e69f00", "#26b88f", "#f0e442", "#d186af",
        "#f27d4a", "#6f9dff", "#a3adb8", "#ffffff", "#c2a5ff",
    ),
    "#f0e442",
    SHAPES,
)  # fmt: skip
COLORBLIND_LIGHT = ChartColors(
    (
        "#0068a3", "#8a5a00", "#00694a", "#5f5a00", "#9a4474",
        "#a63a00", "#24418f", "#55606b", "#000000", "#6a3fb5",
    ),
    "#7a4b00",
    SHAPES,
)  # fmt: skip
CONTRAST_DARK = ChartColors(
    (
        "#8accff", "#ffb454", "#7dff9b", "#ffff6b", "#ffa8f2",
        "#ffa499", "#6ffff2", "#c9d1d9", "#ffffff", "#d2bcff",
    ),
    "#ffe14d",
    SHAPES,
)  # fmt: skip
CONTRAST_LIGHT = ChartColors(
    (
        "#003e9c", "#7a3500", "#00521a", "#4d4600", "#7a006b",
        "#8f0a12", "#00504d", "#3d4650", "#000000", "#45208f",
    ),
    "#5c3d00",
    SHAPES,
)  # fmt: skip
_NAMES = ("cyan", "yellow", "green", "magenta", "blue", "red")
ANSI_DARK = ChartColors(
    tuple(f"ansi_bright_{name}" for name in _NAMES)
    + ("ansi_cyan", "ansi_default", "ansi_yellow", "ansi_magenta"),
    "ansi_bright_yellow",
    SHAPES,
)  # fmt: skip
ANSI_LIGHT = ChartColors(
    ("ansi_blue", "ansi_red", "ansi_magenta", "ansi_green", "ansi_bright_black")
    + ("ansi_bright_blue", "ansi_bright_red", "ansi_default", "ansi_bright_magenta", "ansi_black"),
    "ansi_magenta",
    SHAPES,
)  # fmt: skip
_BY_THEME = {
    "colorblind-dark": COLORBLIND_DARK,
    "colorblind-light": COLORBLIND_LIGHT,
    "contrast-dark": CONTRAST_DARK,
    "contrast-light": CONTRAST_LIGHT,
}


def chart_colors(theme: Theme) -> ChartColors:
    """Return the colours of a theme's charts; those of our own dark or light theme where it has none."""
    if theme.ansi:
        return ANSI_DARK if theme.dark else ANSI_LIGHT
    return _BY_THEME.get(theme.name) or (DARK if theme.dark else LIGHT)


def rich_color(color: str) -> RichColor:
    """Return a curve's colour as Rich takes it."""
    return Color.parse(color).rich_color


def triple_of(color: RichColor | None) -> Triple:
    """Return a colour as red, green and blue; of the terminal's own a stand-in that `with_terminal_colors` knows.

    plotext takes nothing but red, green and blue, and what the terminal makes of its own colours nobody knows here.
    """
    if color is None or color.is_default:
        return (0, *_STAND_IN)
    if color.type is ColorType.STANDARD and color.number is not None:
        return (color.number + 1, *_STAND_IN)
    triplet = color.get_truecolor()
    return (triplet.red, triplet.green, triplet.blue)


def with_terminal_colors(drawn: Text) -> Text:
    """Return a drawing with the terminal's own colours in the place of their stand-ins."""
    spans = [Span(span.start, span.end, _own(span.style)) for span in drawn.spans]
    return Text(drawn.plain, spans=spans, no_wrap=drawn.no_wrap, end=drawn.end)


_STAND_IN = (1, 2)


def _own(style: str | Style) -> str | Style:
    if not isinstance(style, Style) or style.color is None or style.color.triplet is None:
        return style
    number, *rest = style.color.triplet
    if tuple(rest) != _STAND_IN or number > 16:
        return style
    return Style(color=RichColor.default() if number == 0 else RichColor.from_ansi(number - 1))
