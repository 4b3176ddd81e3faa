"""The app's own themes. Owns colours; meaning is always carried by a glyph and a word as well.

One accent for what can be acted on (primary), one for what is best (accent, gold), and the usual three for good,
careful and bad. Every other theme of Textual works too: style sheets use only the variables all themes have. What
charts are drawn with is in `chart_colors`.

Text has a contrast of at least 4.5 to 1 on every ground it is put on (WCAG 2.1, level AA), and of 7 to 1 (AAA) in the
themes of high contrast; a test says so. The `ansi` themes leave the choice of colours to the terminal, and show the
cursor by reversing it, so that it is there without any colour.
"""

from __future__ import annotations

from textual.theme import Theme

DARK_THEME_NAME = "sweep-dark"
LIGHT_THEME_NAME = "sweep-light"
ANSI_DARK_NAME = "ansi-dark"
ANSI_LIGHT_NAME = "ansi-light"


def _variables(
    *, primary: str, line: str, line_hover: str, cursor: str, cursor_text: str, blurred: str, hover: str,
    foreground: str, quiet: str, surface: str, selection: str, muted: str = "auto 60%",
) -> dict[str, str]:  # fmt: skip
    """Return the variables that our themes set beside their colours."""
    ground = ("scrollbar-background", "scrollbar-background-hover", "scrollbar-background-active")
    return {
        "border": primary,
        "border-blurred": line,
        "block-cursor-background": cursor,
        "block-cursor-foreground": cursor_text,
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": blurred,
        "block-cursor-blurred-foreground": foreground,
        "block-hover-background": hover,
        "foreground-muted": quiet,
        "text-muted": muted,
        "footer-background": surface,
        "footer-foreground": quiet,
        "footer-key-foreground": primary,
        "footer-description-foreground": quiet,
        "input-selection-background": "ansi_cyan",
        "scrollbar": line,
        "scrollbar-hover": line_hover,
        "scrollbar-active": primary,
        "scrollbar-corner-color": surface,
    } | dict.fromkeys(ground, surface)


SWEEP_DARK = Theme(
    name=DARK_THEME_NAME,
    primary="#5ac8be",
    secondary="#7da6f0",
    accent="#f0bc50",
    success="#8ccf7e",
    warning="#ef9a5d",
    error="#f57f88",
    foreground="#d7dde8",
    background="#0f1218",
    surface="#161b24",
    panel="#1e2530",
    dark=True,
    variables=_variables(
        primary="#5ac8be", line="#2c3644", line_hover="#3d4a5c", cursor="#193432", cursor_text="#eaf6f5",
        blurred="#1e2c30", hover="#1c2530", foreground="#d7dde8", quiet="#95a0b2", surface="#161b24",
        selection="#5ac8be 30%",
    ),
)  # fmt: skip

SWEEP_LIGHT = Theme(
    name=LIGHT_THEME_NAME,
    primary="#0a6f69",
    secondary="#2f5bb7",
    accent="#875700",
    success="#2a722d",
    warning="#a0480a",
    error="#bd2b3a",
    foreground="#20262e",
    background="#fbfaf7",
    surface="#f2f0ea",
    panel="#e6e3db",
    dark=False,
    variables=_variables(
        primary="#0a6f69", line="#cfcabf", line_hover="#b7b1a4", cursor="#cfe6e3", cursor_text="#12302e",
        blurred="#e3ebe7", hover="#ebe8e0", foreground="#20262e", quiet="#5d6470", surface="#f2f0ea",
        selection="#0a6f69 25%",
    ),
)  # fmt: skip

COLORBLIND_DARK = Theme(
    name="colorblind-dark",
    primary="#56b4e9",
    secondary="#d186af",
    accent="#f0e442",
    success="#26b88f",
    warning="#e69f00",
    error="#f27d4a",
    foreground="#e2e6ec",
    background="#0e1116",
    surface="#151a21",
    panel="#1d232c",
    dark=True,
    variables=_variables(
        primary="#56b4e9", line="#323c48", line_hover="#465363", cursor="#152b3d", cursor_text="#ffffff",
        blurred="#1b2630", hover="#1b222c", foreground="#e2e6ec", quiet="#98a3b0", surface="#151a21",
        selection="#56b4e9 30%",
    ),
)  # fmt: skip

COLORBLIND_LIGHT = Theme(
    name="colorblind-light",
    primary="#00659e",
    secondary="#8f3a6a",
    accent="#7a4b00",
    success="#00694a",
    warning="#8a5a00",
    error="#9a1030",
    foreground="#1b1f24",
    background="#fcfcfb",
    surface="#f3f3f1",
    panel="#e8e8e5",
    dark=False,
    variables=_variables(
        primary="#00659e", line="#c9ccd0", line_hover="#adb2b8", cursor="#d6e9f5", cursor_text="#0d2433",
        blurred="#e4ebf0", hover="#ececea", foreground="#1b1f24", quiet="#565e68", surface="#f3f3f1",
        selection="#00659e 25%",
    ),
)  # fmt: skip

CONTRAST_DARK = Theme(
    name="contrast-dark",
    primary="#6ffff2",
    secondary="#7cc4ff",
    accent="#ffe14d",
    success="#7dff9b",
    warning="#ffb454",
    error="#ffa499",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#121212",
    dark=True,
    variables=_variables(
        primary="#6ffff2", line="#8c8c8c", line_hover="#c0c0c0", cursor="#002c31", cursor_text="#ffffff",
        blurred="#1c1c1c", hover="#161616", foreground="#ffffff", quiet="#c8c8c8", surface="#000000",
        selection="#0060a0", muted="auto 75%",
    ),
)  # fmt: skip

CONTRAST_LIGHT = Theme(
    name="contrast-light",
    primary="#00504d",
    secondary="#003e9c",
    accent="#5c3d00",
    success="#00521a",
    warning="#7a3500",
    error="#8f0a12",
    foreground="#000000",
    background="#ffffff",
    surface="#ffffff",
    panel="#f2f2f2",
    dark=False,
    variables=_variables(
        primary="#00504d", line="#767676", line_hover="#4d4d4d", cursor="#d6f2ef", cursor_text="#000000",
        blurred="#ececec", hover="#f0f0f0", foreground="#000000", quiet="#3d3d3d", surface="#ffffff",
        selection="#a8d8ff", muted="auto 75%",
    ),
)  # fmt: skip


def _ansi(name: str, line: str, cursor: str, **colors: str) -> Theme:
    """Return a theme of the terminal's own colours; grounds are the terminal's, and the cursor is reversed."""
    return Theme(
        name=name,
        ansi=True,
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        dark=name == ANSI_DARK_NAME,
        variables={
            "ansi-background": "ansi_default",
            "ansi-foreground": "ansi_default",
            "border": colors["primary"],
            "border-blurred": line,
            "block-cursor-foreground": "ansi_default",
            "block-cursor-background": cursor,
            "block-cursor-text-style": "bold",
            "block-cursor-blurred-text-style": "bold",
            "footer-key-foreground": colors["primary"],
            "input-cursor-text-style": "reverse",
            "input-selection-background": "ansi_cyan",
            "input-selection-foreground": "ansi_black",
            "screen-selection-background": "ansi_cyan",
            "screen-selection-foreground": "ansi_black",
            "scrollbar": line,
            "scrollbar-hover": colors["primary"],
            "scrollbar-active": colors["primary"],
            "scrollbar-background": "ansi_default",
            "scrollbar-background-hover": "ansi_default",
            "scrollbar-background-active": "ansi_default",
        },
        **colors,  # type: ignore[arg-type]
    )


ANSI_DARK = _ansi(
    ANSI_DARK_NAME, "ansi_bright_black", "ansi_blue",
    primary="ansi_cyan", secondary="ansi_bright_blue", accent="ansi_bright_yellow", success="ansi_green",
    warning="ansi_yellow", error="ansi_bright_red",
)  # fmt: skip
ANSI_LIGHT = _ansi(
    ANSI_LIGHT_NAME, "ansi_bright_black", "ansi_cyan",
    primary="ansi_blue", secondary="ansi_magenta", accent="ansi_magenta", success="ansi_green",
    warning="ansi_red", error="ansi_red",
)  # fmt: skip

THEMES = (
    SWEEP_DARK, SWEEP_LIGHT, COLORBLIND_DARK, COLORBLIND_LIGHT, CONTRAST_DARK, CONTRAST_LIGHT, ANSI_DARK, ANSI_LIGHT,
)  # fmt: skip
