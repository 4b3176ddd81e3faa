"""Contrast and colours of the themes, computed from the numbers that WCAG and the study of colour blindness give."""

from __future__ import annotations

import itertools

import pytest
from textual.color import Color
from textual.theme import Theme

from tui.chart_colors import ChartColors, chart_colors
from tui.theme import THEMES

FIXED = [theme for theme in THEMES if not theme.ansi]
"""Those whose colours are ours and not the terminal's."""
COLORS = ("primary", "secondary", "accent", "success", "warning", "error", "foreground", "foreground-muted")
GROUNDS = ("background", "surface", "panel", "block-cursor-background", "block-cursor-blurred-background")
# Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009:
# protanopia, deuteranopia, tritanopia; of linear light.
BLINDNESS = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def linear(color: Color) -> tuple[float, float, float]:
    """Return the light of a colour, each part from 0 to 1: WCAG 2.1, definition of relative luminance."""
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in color.rgb
    )
    return red, green, blue


def luminance(color: Color) -> float:
    red, green, blue = linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(text: Color, ground: Color) -> float:
    dark, light = sorted((luminance(ground + text), luminance(ground)))
    return (light + 0.05) / (dark + 0.05)


def named(theme: Theme) -> dict[str, str]:
    return theme.to_color_system().generate()


@pytest.mark.parametrize("theme", FIXED, ids=lambda theme: theme.name)
def test_every_text_stands_out_from_every_ground_it_is_put_on(theme: Theme) -> None:
    least = 7.0 if theme.name.startswith("contrast") else 4.5
    colors = named(theme)
    charts = chart_colors(theme)
    grounds = {name: Color.parse(colors[name]) for name in GROUNDS}
    texts = {name: Color.parse(colors[name]) for name in COLORS}
    texts |= {f"text-{name}": Color.parse(colors[f"text-{name}"]) for name in COLORS[:6]}
    texts |= {color: Color.parse(color) for color in (*charts.series, charts.best)}
    pairs = [(text, ground) for text in texts for ground in grounds]
    found = {(text, ground): contrast(texts[text], grounds[ground]) for text, ground in pairs}
    # So much of black or white, whichever the ground bears better.
    muted = float(colors["text-muted"].removeprefix("auto ").removesuffix("%")) / 100
    for name, ground in grounds.items():
        found["text-muted", name] = contrast(ground.get_contrast_text(muted), ground)
    for filled in ("primary", "error", "accent", "foreground"):
        found["background", filled] = contrast(Color.parse(colors["background"]), Color.parse(colors[filled]))
    found["cursor text", "cursor"] = contrast(
        Color.parse(colors["block-cursor-foreground"]), Color.parse(colors["block-cursor-background"])
    )
    for part in ("footer-foreground", "footer-key-foreground", "footer-description-foreground"):
        found[part, "footer"] = contrast(Color.parse(colors[part]), Color.parse(colors["footer-background"]))
    assert {pair: round(ratio, 2) for pair, ratio in found.items() if ratio < least} == {}


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_ten_curves_are_told_apart(theme: Theme) -> None:
    charts: ChartColors = chart_colors(theme)
    assert len(charts.series) == len(charts.glyphs) == len(set(charts.series)) == 10
    assert len(set(charts.glyphs)) == (1 if theme.name.startswith("sweep-") else 10)


def seen_with(blindness: str, color: Color) -> tuple[float, float, float]:
    """Return what is seen, in CIE L*a*b* (D65)."""
    light = linear(color)
    red, green, blue = (
        min(max(sum(k * part for k, part in zip(row, light, strict=True)), 0.0), 1.0) for row in BLINDNESS[blindness]
    )
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("theme", [each for each in THEMES if each.name.startswith("colorblind")], ids=lambda t: t.name)
@pytest.mark.parametrize("blindness", BLINDNESS)
def test_good_careful_bad_and_the_best_differ_for_the_colour_blind(theme: Theme, blindness: str) -> None:
    colors = named(theme)
    seen = {
        name: seen_with(blindness, Color.parse(colors[name])) for name in ("success", "warning", "error", "primary")
    }
    # The three curves that are looked at most, too. A difference of 10 is seen at a glance (2.3 is the least seen).
    for index, color in enumerate(chart_colors(theme).series[:3]):
        seen |= {f"series {index}": seen_with(blindness, Color.parse(color))}
    apart = {
        (one, other): sum((a - b) ** 2 for a, b in zip(seen[one], seen[other], strict=True)) ** 0.5
        for one, other in itertools.combinations(seen, 2)
        if one.startswith("series") == other.startswith("series")
    }
    assert {pair: round(distance) for pair, distance in apart.items() if distance < 10} == {}
