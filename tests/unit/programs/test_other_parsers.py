"""Parsers that are not installed here: what is found is what the real ones refused on 2026-11-28.

Seen with typer 0.29, tyro 1.0, simple-parsing 0.1, absl-py 2.5, fire 0.7, draccus 0.11, hydra-core 1.3, omegaconf 2.3.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.programs.other_examples import OTHER_FILES
from trainer.programs.findings import program_findings
from trainer.programs.options import ProgramOption, Style
from trainer.programs.reading import read_for_sweep, read_named
from trainer.records import Json

ARGS, BARE, PAIRS = "${args}", "${args_no_boolean_flags}", "${args_no_hyphens}"
APPENDED, OVERRIDDEN = "${args_append_hydra}", "${args_override_hydra}"
SWEEPS: list[tuple[str, list[str], dict[str, list[Json]], str, bool]] = [
    # Program, words before the parameters, parameters, macro, whether a run is refused.
    ("typed.py", ["d"], {"lr": [0.1], "batch-size": [4]}, ARGS, False),
    ("typed.py", ["d"], {"batch_size": [4]}, ARGS, True),
    ("typed.py", ["d"], {"amp": [True]}, ARGS, True),
    ("typed.py", ["d"], {"amp": [True, False], "ema": [True]}, BARE, False),
    ("typed.py", ["d"], {"opt": ["sgdx"]}, ARGS, True),
    ("typed.py", ["d"], {"opt": ["sgd"], "layers": [None]}, ARGS, True),
    ("typed.py", [], {"lr": [1]}, ARGS, True),
    ("typed.py", ["d"], {"batch-size": [0]}, ARGS, True),
    ("typed.py", ["d"], {"no-amp": [True]}, BARE, False),
    ("typed.py", ["d"], {"tags": ["a"]}, ARGS, False),
    ("tyroed.py", [], {"data": ["x"], "optim.lr": [0.1], "batch_size": [3]}, ARGS, False),
    ("tyroed.py", [], {"data": ["x"], "batch-size": [3]}, ARGS, False),
    ("tyroed.py", [], {"batch-size": [3]}, ARGS, True),
    ("tyroed.py", [], {"data": ["x"], "amp": [True]}, ARGS, True),
    ("tyroed.py", [], {"data": ["x"], "amp": [True, False]}, BARE, False),
    ("tyroed.py", [], {"data": ["x"], "layers": [None, 3]}, ARGS, False),
    ("tyroed.py", [], {"data": ["x"], "layers": [0.5]}, ARGS, True),
    ("tyroed.py", [], {"data": ["x"], "optim.kind": ["rms"]}, ARGS, True),
    ("tyroed.py", [], {"data": ["x"], "lr": [0.1]}, ARGS, True),
    ("simple.py", [], {"learning_rate": [0.1], "nesterov": [True, False]}, ARGS, False),
    ("simple.py", [], {"learning-rate": [0.1]}, ARGS, True),
    ("simple.py", [], {"optim.learning_rate": [0.1]}, ARGS, True),
    ("simple.py", [], {"nesterov": [True]}, BARE, False),
    ("simple.py", [], {"batch_size": [0.5]}, ARGS, True),
    ("simple.py", [], {"name": [None]}, ARGS, False),
    ("absled.py", [], {"out": ["x"], "lr": [0.1], "amp": [True, False]}, ARGS, False),
    ("absled.py", [], {"lr": [0.1]}, ARGS, True),
    ("absled.py", [], {"out": ["x"], "lr": [-1]}, ARGS, True),
    ("absled.py", [], {"out": ["x"], "layers": [0.5]}, ARGS, True),
    ("absled.py", [], {"out": ["x"], "opt": ["rms"]}, ARGS, True),
    ("absled.py", [], {"out": ["x"], "amp": [True]}, BARE, False),
    ("absled.py", [], {"out": ["x"], "foo": [1]}, ARGS, True),
    ("absled.py", [], {"out": ["x"], "layers": [None]}, ARGS, True),
    ("fired.py", [], {"lr": [0.1], "use_bn": [True, False], "name": [None]}, ARGS, False),
    ("fired.py", [], {"use-bn": [True]}, ARGS, False),
    ("fired.py", [], {"foo": [1]}, ARGS, True),
    ("fired.py", [], {"use_bn": [True]}, BARE, False),
    ("draccused.py", [], {"steps": [3], "optim.lr": [0.1], "amp": [True, False]}, ARGS, False),
    ("draccused.py", [], {"lr": [0.1]}, ARGS, True),
    ("draccused.py", [], {"amp": [True]}, BARE, True),
    ("omegaed.py", [], {"steps": [3], "optim.lr": [0.1]}, PAIRS, False),
    ("omegaed.py", [], {"steps": [3]}, ARGS, True),
    ("omegaed.py", [], {"lr": [3]}, PAIRS, True),
    ("omegaed.py", [], {"steps": [0.5]}, PAIRS, True),
    ("omegaed.py", [], {"steps": [None]}, PAIRS, True),
    ("hydraed.py", [], {"seed": [3], "trainer.out": ["x"], "model": ["vit"], "model.heads": [2]}, PAIRS, False),
    ("hydraed.py", [], {"model.heads": [2]}, PAIRS, True),
    ("hydraed.py", [], {"model": ["lstm"]}, PAIRS, True),
    ("hydraed.py", [], {"epochs": [1]}, PAIRS, True),
    ("hydraed.py", [], {"trainer.epochs": [1]}, ARGS, True),
    ("hydraed.py", [], {"seed": [1]}, APPENDED, True),
    ("hydraed.py", [], {"foo": [1]}, APPENDED, False),
    ("hydraed.py", [], {"foo": [1], "seed": [1]}, OVERRIDDEN, False),
    ("hydraed.py", [], {"optim.lr": [0.1]}, PAIRS, False),
    ("hydraed.py", [], {"optim": [{"lr": 0.1}]}, PAIRS, True),
    ("structured.py", [], {"optim.lr": [0.1], "kind": ["a"], "name": ["x"]}, PAIRS, False),
    ("structured.py", [], {"optim.steps": [0.5]}, PAIRS, True),
    ("structured.py", [], {"optim.lr": ["x"]}, PAIRS, True),
    ("structured.py", [], {"kind": ["B"]}, PAIRS, True),
    ("structured.py", [], {"kind": ["c"]}, PAIRS, True),
    ("structured.py", [], {"optim.lr": [None]}, PAIRS, True),
    ("structured.py", [], {"lr": [0.1]}, PAIRS, True),
    ("structured.py", [], {"optim.steps": [16.0]}, PAIRS, True),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("others")
    for name, text in OTHER_FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_problem_is_found_where_the_real_parser_refused_a_run(folder: Path) -> None:
    wrong = []
    for program, words, parameters, macro, is_refused in SWEEPS:
        config: dict[str, Json] = {
            "program": program,
            "command": ["${env}", "${interpreter}", "${program}", *words, macro],
            "method": "grid",
            "parameters": {name: {"values": values} for name, values in parameters.items()},
        }
        options = read_for_sweep(config, folder)
        assert options is not None
        found = program_findings(config, options).problems
        if bool(found) != is_refused:
            wrong.append((program, parameters, macro, found))
    assert wrong == []


def option(folder: Path, program: str, name: str) -> ProgramOption:
    return next(each for each in read_named(program, folder).options if each.name == name)


@pytest.mark.parametrize(
    ("program", "style", "names"),
    [
        ("typed.py", Style.TYPER, "data lr batch-size opt amp ema layers tags"),
        ("tyroed.py", Style.DATACLASSES, "data batch_size amp layers optim.lr optim.kind"),
        ("simple.py", Style.ARGPARSE, "batch_size name learning_rate nesterov"),
        ("absled.py", Style.ABSL, "lr layers amp opt out"),
        ("fired.py", Style.FIRE, "lr layers use_bn name"),
        ("draccused.py", Style.DATACLASSES, "steps amp optim.lr"),
        ("omegaed.py", Style.OMEGACONF, "steps optim.lr"),
        ("structured.py", Style.HYDRA, "optim.lr optim.steps kind name"),
        (
            "hydraed.py",
            Style.HYDRA,
            "model optimizer model.depth model.width model.heads optim.lr seed trainer.epochs trainer.out",
        ),
    ],
)
def test_each_parser_is_told_with_its_options(folder: Path, program: str, style: Style, names: str) -> None:
    options = read_named(program, folder)
    assert (options.style, " ".join(each.name for each in options.options)) == (style, names)
    assert options.is_complete and not options.notes


def test_options_carry_types_defaults_choices_bounds_help_and_their_place(folder: Path) -> None:
    rows = option(folder, "typed.py", "batch-size")
    assert (rows.kind, rows.default, rows.low, rows.high, rows.help) == ("int", 32, 1, 512, "rows")
    assert option(folder, "typed.py", "opt").choices == ("sgd", "adam")
    assert option(folder, "tyroed.py", "batch_size").help == "rows per step"
    lr = option(folder, "tyroed.py", "optim.lr")
    assert (lr.kind, lr.default, lr.help, lr.source, lr.line) == ("float", 0.001, "step size", "tyroed.py", 6)
    model = option(folder, "hydraed.py", "model")
    assert (model.default, model.choices) == ("resnet", ("resnet", "vit"))
    assert option(folder, "hydraed.py", "model.heads").only_with == ("model", ("vit",))
    assert option(folder, "hydraed.py", "trainer.out").is_required
    assert option(folder, "absled.py", "out").is_required


@pytest.mark.parametrize(
    ("fired", "commands"),
    [
        ("T", {"train": "seed lr n", "test": "seed path"}),
        ("T()", {"train": "lr n", "test": "path"}),
        ("{'fit': fit, 'T': T}", {"fit": "bs"}),
        ("", {"fit": "bs"}),
    ],
)
def test_each_function_that_fire_is_given_is_a_command(tmp_path: Path, fired: str, commands: dict[str, str]) -> None:
    (tmp_path / "fired.py").write_text(
        "import fire\nclass T:\n    def __init__(self, seed=0): ...\n    def train(self, lr=0.1, n: int = 3): ...\n"
        "    def test(self, path): ...\n    def _own(self): ...\n"
        f"def fit(bs=32): ...\ndef _own(): ...\nfire.Fire({fired})\n"
    )
    options = read_named("fired.py", tmp_path)

    assert {name: " ".join(each.name for each in found) for name, found in options.commands.items()} == commands
