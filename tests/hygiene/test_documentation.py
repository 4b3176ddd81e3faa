"""What the README names exists: keys, commands, files."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode

from trainer.cli import build_cli
from tui.app import SweepApp
from tui.cli import TerminalApp
from tui.screens.across import AcrossScreen
from tui.screens.analysis import AnalysisScreen
from tui.screens.compare_sweeps import CompareSweepsScreen
from tui.screens.preview import PreviewScreen
from tui.screens.run import RunScreen
from tui.screens.run_log import RunLogScreen
from tui.screens.sweep import SweepScreen
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.screens.sweeps import SweepsScreen
from tui.screens.trial import TrialScreen
from tui.widgets.agents_panel import AgentsPanel
from tui.widgets.log_view import LogView
from tui.widgets.parallel_plot import ParallelPlot
from tui.widgets.parameter_pane import ParameterPane
from tui.widgets.parameter_tree import ParameterTree
from tui.widgets.plan_table import PlanTable
from tui.widgets.runs_table import RunsTable
from tui.widgets.searched_log import SearchedLog
from tui.widgets.sweeps_table import SweepsTable

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

PLACES: dict[str, tuple[type[DOMNode], ...]] = {
    "everywhere": (SweepApp, SweepScreen),
    "sweeps": (SweepsScreen, SweepsTable),
    "builder": (SweepBuilderScreen, ParameterTree, ParameterPane),
    "preview": (PreviewScreen, PlanTable),
    "trial": (TrialScreen, LogView),
    "live view: runs": (SweepScreen, RunsTable),
    "live view: sweep": (SweepScreen,),
    "compare sweeps": (CompareSweepsScreen,),
    "across sweeps": (AcrossScreen,),
    "live view: panes": (SweepScreen,),
    "live view: agents": (SweepScreen, AgentsPanel),
    "analysis": (AnalysisScreen, ParallelPlot),
    "run": (RunScreen,),
    "log of a run": (RunLogScreen, SearchedLog, LogView),
}
SPELLED = {
    "@": "at",
    "?": "question_mark",
    "/": "slash",
    "+": "plus",
    "-": "minus",
    "_": "underscore",
    "[": "left_square_bracket",
}
SPELLED |= {"]": "right_square_bracket", "=": "equals_sign"}


def bound_keys(classes: tuple[type[DOMNode], ...]) -> set[str]:
    keys: set[str] = set()
    for each in classes:
        for base in each.__mro__:
            bindings = [one for one in vars(base).get("BINDINGS", ()) if isinstance(one, Binding | tuple)]
            keys |= set(BindingsMap(bindings).key_to_bindings)
    return keys


@pytest.mark.parametrize("place", PLACES)
def test_documented_keys_are_bound(place: str) -> None:
    row = re.search(rf"^\| {re.escape(place)} \| (.*) \|$", README, re.MULTILINE)
    assert row, place
    without_examples = re.sub(r"\([^)]*\)", "", row[1])
    documented = {SPELLED.get(key, key) for key in re.findall(r"`([^`]+)`", without_examples)}
    # `tab` and the palette's key are Textual's own.
    assert documented - bound_keys(PLACES[place]) - {"tab", "ctrl+p"} == set()


def test_documented_commands_exist() -> None:
    commands = set(build_cli(TerminalApp()).commands)
    named = set(re.findall(r"^\| `sweep-tui ([a-z|\\-]+)", README, re.MULTILINE))
    documented = {command.rstrip("\\") for names in named for command in names.split("|")}
    assert documented == commands


def test_documented_files_exist() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
    sweep_files = set(re.findall(r"sweeps/[\w-]+\.yaml", README))
    assert [name for name in sweep_files if not (ROOT / name).exists()] == []


def test_every_picture_is_shown_and_made_by_the_script() -> None:
    made = set(runpy.run_path(str(ROOT / "docs" / "make_pictures.py"))["PICTURES"])
    shown = {
        (page.parent / target).resolve()
        for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    }
    files = {path.resolve() for kind in ("svg", "png", "gif", "jpg") for path in (ROOT / "docs").rglob(f"*.{kind}")}
    assert shown == files == {(ROOT / "docs" / name).resolve() for name in made}
