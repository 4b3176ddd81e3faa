"""The builder lists what `sweep-tui check FILE` lists: the same places, sentences, lines and codes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.ui.memory_session import MemorySession
from tests.ui.wait_for import wait_for
from trainer.cli import build_cli
from trainer.errors import SweepFileError
from trainer.programs.file_check import check_file, read_near
from trainer.programs.program_reading import ProgramReading
from trainer.sweep.command import program_problem
from trainer.sweep.config import load_sweep_file
from trainer.sweep.findings import Violation
from tui.app import SweepApp
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.sweep_document import SweepDocument

TRAIN = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--layers", type=int, choices=[1, 2])
parser.add_argument("--amp", action="store_true")
print(parser.parse_args())
"""
HEAD = "program: train.py\nmethod: random\nrun_cap: 5\nmetric: {name: loss, goal: minimize}\n"
TEXTS = {
    "clean": HEAD + "parameters:\n  lr: {min: 0.1, max: 1.0}\n",
    "distribution": HEAD + "parameters:\n  lr:\n    distribution: loguniform_value\n    min: 0.1\n    max: 1\n",
    "turned round": HEAD + "parameters:\n  lr: {min: 1.0, max: 0.1}\n  layers: {value: 1}\n",
    "typos": "progam: train.py\nmetod: grid\nparameters:\n  lr: {valeus: [1, 2]}\n",
    "no metric": "program: train.py\nmethod: bayes\nearly_terminate: {type: hyperband, max_iter: 9}\n"
    "parameters:\n  lr: {min: 0.1, max: 1.0}\n",
    "hyperband": "program: train.py\nmethod: grid\nearly_terminate:\n  type: hyperband\n  eta: 0.5\n"
    "parameters:\n  lr: {values: [1, 2, 1]}\n",
    "program gone": HEAD.replace("train.py", "nowhere.py") + "parameters:\n  lr: {min: 0.1, max: 1.0}\n",
    "program a folder": HEAD.replace("train.py", "folder") + "parameters:\n  lr: {min: 0.1, max: 1.0}\n",
    "program broken": HEAD.replace("train.py", "broken.py") + "parameters:\n  lr: {min: 0.1, max: 1.0}\n",
    "program in latin-1": HEAD.replace("train.py", "latin.py") + "parameters:\n  lr: {min: 0.1, max: 1.0}\n",
    "no program": "method: grid\nparameters:\n  lr: {values: [1, 2]}\n",
    "unknown flags": HEAD
    + "parameters:\n  lr: {values: [0.1, null]}\n  layer: {values: [1]}\n  layers: {values: [3]}\n"
    "  amp: {values: [true, false]}\n",
    "twice": HEAD + "parameters:\n  lr: {value: 1}\n  lr: {value: 2}\n",
    "tabs": HEAD + "parameters:\n\tlr: {value: 1}\n",
    "anchors": "base: &base {min: 0.0, max: 1.0}\n"
    + HEAD + "parameters:\n  lr:\n    <<: *base\n    q: 1\n  b: *base\n",
    "undefined alias": HEAD + "parameters:\n  lr: *base\n",
    "a list": "- method: grid\n- parameters\n",
    "a word": "grid\n",
    "empty": "",
    "comments only": "# nothing yet\n",
    "windows": (HEAD + "# by hand\nparameters:\n  lr:\n    min: 2.0\n    max: 1.0\n").replace("\n", "\r\n"),
    "letters": HEAD + "description: ünï 😀\nparameters:\n  größe: {values: [😀, null, None]}\n  'a b': {value: 1}\n",
    "nested": HEAD + "parameters:\n  opt:\n    parameters:\n      lr: {max: 1}\n      deep: {parameters: {x: {}}}\n",
    "empty group": HEAD + "parameters:\n  opt: {parameters: {}}\n  both: {parameters: {a: {value: 1}}, value: 2}\n",
    "odd parameters": HEAD
    + "parameters:\n  lr: 3\n  a:\n  b: [1, 2]\n  c: {values: 3}\n  '': {value: 1}\n  ' ': {value: 2}\n",
    "parameters a list": HEAD + "parameters: [lr, a]\n",
    "parameters nothing": HEAD + "parameters:\n",
    "slashes": HEAD + "parameters:\n  a/b: {value: 1}\n  a: {parameters: {b: {value: 2}}}\n",
    "odd values": "method: [grid]\nname: 3\nrun_cap: many\nmetric: loss\nearly_terminate: yes\ncommand: 'python x'\n"
    "parameters: {lr: {value: 1}}\n",
    "odd command": HEAD + "command: ['${env}', 3, '${arg}', python]\nparameters: {lr: {value: 1}}\n",
    "rules": HEAD
    + "#: rule: lr * nothing <= 3\n#: rule: zip lr, layers\n#: rule: a ) b\nparameters:\n  #: rule: lr < 3\n"
    "  #: of lr: {values: [1, 2, 3]}\n  lr: {values: [1]}\n  layers: {values: [1, 2]}\n",
    "joint": HEAD + "parameters:\n  joint__lr__b: {values: [{lr: 1, b: 2}, {lr: 1}, 3]}\n  lr: {value: 1}\n",
    "off": HEAD + "parameters:\n  #: off nothing: {values: []}\n  lr: {value: 1}\n  #: off b: {min: 3, max: 1}\n",
}  # fmt: skip


Found = list[tuple[str, str, str, int | None, str]]


def checked(file: Path) -> tuple[Found, Found]:
    """Return what `check` finds."""
    said = CliRunner().invoke(build_cli(None), ["check", str(file), "--json"], standalone_mode=False)
    keys = ("path", "message", "hint", "line", "code")
    problems = sorted((tuple(each[key] for key in keys) for each in json.loads(said.stdout)), key=repr)
    assert said.return_value == (2 if problems else 0)
    try:
        read = load_sweep_file(file)
    except SweepFileError:
        return [(path, message.replace(str(file), "The YAML"), *rest) for path, message, *rest in problems], []
    return problems, listed(check_file(read, file.parent, read_near(read, file.parent)).oddities)


def listed(found: Sequence[Violation], document: SweepDocument | None = None) -> Found:
    def line(each: Violation) -> int | None:
        return document.line_of_problem(each) if document else each.line

    return sorted(((each.path, each.message, each.hint, line(each), each.code) for each in found), key=repr)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "broken.py").write_text("def :\n")
    (tmp_path / "latin.py").write_bytes("# caf\xe9\nimport argparse\n".encode("latin-1"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", TEXTS)
def test_the_builders_document_finds_what_check_finds(name: str, folder: Path) -> None:
    file = folder / "sweep.yaml"
    file.write_bytes(TEXTS[name].encode())
    problems, oddities = checked(file)
    assert bool(problems or oddities) is (name != "clean")

    document = SweepDocument.from_text(TEXTS[name])
    document.program = ProgramReading(folder).read(document.config())
    document.missing_program = program_problem(document.config(), folder)
    assert listed(document.problems(), document) == problems
    assert listed(document.oddities(), document) == oddities


async def test_the_builder_lists_what_check_lists_of_what_is_pasted_into_it(folder: Path) -> None:
    app = SweepApp(MemorySession(cwd=folder))
    async with app.run_test(size=(120, 36)) as pilot:
        screen = SweepBuilderScreen(app.session)
        await app.push_screen(screen)
        await wait_for(pilot, lambda: screen.is_current)
        for name in ("program gone", "rules", "tabs", "odd parameters", "no metric"):
            file = folder / "sweep.yaml"
            file.write_bytes(TEXTS[name].encode())
            expected = checked(file)
            screen.document.replace_text(TEXTS[name])
            await screen.show_document()

            def found() -> tuple[Found, Found]:
                return listed(screen.problems, screen.document), listed(screen.oddities, screen.document)

            await wait_for(pilot, lambda expected=expected: found() == expected)  # type: ignore[misc]
