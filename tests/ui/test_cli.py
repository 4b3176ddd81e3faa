from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.records import SweepReference
from tui.farewell import farewell_lines
from tui.keys import load_keymap, unknown_ids
from tui.theme import THEMES

ROOT = Path(__file__).parents[2]


def run_in_terminal(arguments: list[str], columns: int, lines: int, **environ: str) -> tuple[int, str]:
    """Run `sweep-tui` on a pseudo-terminal of a size; return its exit code and what it wrote to stderr."""
    import fcntl
    import struct
    import termios

    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tui", *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **environ},
            timeout=60,
            check=False,
        )
    finally:
        os.close(terminal)
        os.close(controller)
    return done.returncode, done.stderr.decode()


def test_a_tiny_terminal_is_refused_with_its_size_and_the_way_out() -> None:
    code, text = run_in_terminal(["--server", "local"], 20, 5, TERM="xterm-256color")

    assert code == 2
    assert "20×5" in text
    assert "40×10" in text
    assert "Enlarge it" in text
    assert "Traceback" not in text


def test_a_dumb_terminal_is_refused() -> None:
    code, text = run_in_terminal(["open", "abc", "--server", "local"], 80, 24, TERM="dumb")

    assert code == 2
    assert "TERM=dumb" in text
    assert "sweep-tui leaderboard abc" in text


def test_without_a_terminal_the_app_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "--server", "local"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "needs a terminal" in done.stderr


@pytest.mark.parametrize("module", ["tui.cli", "tui.app"])
def test_nothing_heavy_is_imported_before_the_first_paint(module: str) -> None:
    heavy = [
        "requests",
        "wandb",
        "pandas",
        "sklearn",
        "scipy",
        "numpy",
        "optuna",
        "plotext",
        "starlette",
        "graphql",
        "ruamel",
    ]
    heavy += ["textual"] if module == "tui.cli" else ["tui.screens.sweep", "tui.screens.sweep_builder"]
    code = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )

    assert done.stdout.strip() == "[]"


def test_a_keymap_is_read_and_a_broken_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "keymap.yaml"
    assert load_keymap(path) == {}
    path.write_text("app.quit: ctrl+x\n")
    assert load_keymap(path) == {"app.quit": "ctrl+x"}
    for broken in ("[1", "app.quit: 5", "- a"):
        path.write_text(broken)
        with pytest.raises(Exception, match="keymap.yaml"):
            load_keymap(path)


def test_an_unknown_binding_id_is_named_with_the_nearest() -> None:
    assert unknown_ids({"app.quit": "x", "sweeps.nwe": "n"}, {"app.quit", "sweeps.new"}) == [
        "No key binding is called 'sweeps.nwe'. Perhaps 'sweeps.new'?"
    ]


def test_there_is_a_dark_and_a_light_theme() -> None:
    assert {theme.dark for theme in THEMES} == {True, False}


def test_who_leaves_is_told_what_goes_on() -> None:
    one, other = SweepReference("me", "wine", "abc"), SweepReference("me", "wine", "xyz")
    lines = farewell_lines([(one, 1), (other, 1), (one, 2)])
    assert lines[0].startswith("3 agents on this machine go on with me/wine/abc;")
    assert lines[1].startswith("1 agent on this machine goes on with me/wine/xyz;")
    assert "`sweep-tui open me/wine/xyz`" in lines[1]
    assert farewell_lines([]) == []
