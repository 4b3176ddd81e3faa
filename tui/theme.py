"""The app's own themes. Owns colours; meaning is always carried by a glyph and a word as well.

One accent for what can be acted on (primary, teal), one for what is best (accent, gold), and the usual three for
good, careful and bad. Every other theme of Textual works too: style sheets use only the variables all themes have.
"""

from __future__ import annotations

from textual.theme import Theme

DARK_THEME_NAME = "sweep-dark"
LIGHT_THEME_NAME = "sweep-light"

SWEEP_DARK = Theme(
    name=DARK_THEME_NAME,
    primary="#5ac8be",
    secondary="#7da6f0",
    accent="#f0bc50",
    success="#8ccf7e",
    warning="#ef9a5d",
    error="#f0717b",
    foreground="#d7dde8",
    background="#0f1218",
    surface="#161b24",
    panel="#1e2530",
    dark=True,
    variables={
        "border": "#5ac8be",
        "border-blurred": "#2c3644",
        "block-cursor-background": "#24403f",
        "block-cursor-foreground": "#eaf6f5",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#1e2c30",
        "block-cursor-blurred-foreground": "#d7dde8",
        "block-hover-background": "#1c2530",
        "footer-background": "#161b24",
        "footer-foreground": "#8994a6",
        "footer-key-foreground": "#5ac8be",
        "footer-description-foreground": "#8994a6",
        "input-selection-background": "#5ac8be 30%",
        "scrollbar": "#2c3644",
        "scrollbar-hover": "#3d4a5c",
        "scrollbar-active": "#5ac8be",
        "scrollbar-background": "#161b24",
        "scrollbar-background-hover": "#161b24",
        "scrollbar-background-active": "#161b24",
        "scrollbar-corner-color": "#161b24",
    },
)

SWEEP_LIGHT = Theme(
    name=LIGHT_THEME_NAME,
    primary="#0b7a74",
    secondary="#2f5bb7",
    accent="#9a6400",
    success="#2e7d32",
    warning="#b4530f",
    error="#bd2b3a",
    foreground="#20262e",
    background="#fbfaf7",
    surface="#f2f0ea",
    panel="#e6e3db",
    dark=False,
    variables={
        "border": "#0b7a74",
        "border-blurred": "#cfcabf",
        "block-cursor-background": "#cfe6e3",
        "block-cursor-foreground": "#12302e",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#e3ebe7",
        "block-cursor-blurred-foreground": "#20262e",
        "block-hover-background": "#ebe8e0",
        "footer-background": "#f2f0ea",
        "footer-foreground": "#5d6470",
        "footer-key-foreground": "#0b7a74",
        "footer-description-foreground": "#5d6470",
        "input-selection-background": "#0b7a74 25%",
        "scrollbar": "#cfcabf",
        "scrollbar-hover": "#b7b1a4",
        "scrollbar-active": "#0b7a74",
        "scrollbar-background": "#f2f0ea",
        "scrollbar-background-hover": "#f2f0ea",
        "scrollbar-background-active": "#f2f0ea",
        "scrollbar-corner-color": "#f2f0ea",
    },
)

THEMES = (SWEEP_DARK, SWEEP_LIGHT)
