"""Suggested entries are sensible, valid for W&B, and taken by the program they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.programs.examples import ARGPARSE, write_examples
from tests.unit.programs.other_examples import OTHER_FILES
from trainer.programs.findings import program_findings
from trainer.programs.importing import imported
from trainer.programs.options import Form, ProgramOption
from trainer.programs.reading import read_for_sweep, read_named
from trainer.programs.suggestions import FILL_IN, proposed, suggested_entry, sweep_for
from trainer.records import Json
from trainer.sweep.fixes import fixes_for
from trainer.sweep.validation import violations


@pytest.mark.parametrize(
    ("option", "entry"),
    [
        (
            ProgramOption("lr", "float", 1e-3),
            {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-2},
        ),
        (ProgramOption("weight_decay", "float", 0.0), {"values": [0.0, 1e-5, 1e-4, 1e-3, 1e-2]}),
        (ProgramOption("dropout", "float", 0.1), {"min": 0.0, "max": 0.5}),
        (ProgramOption("momentum", "float", 0.9), {"min": 0.8, "max": 0.999}),
        (ProgramOption("scale", "float", 2.0, low=1.5, high=3.0), {"min": 1.5, "max": 3.0}),
        (ProgramOption("batch-size", "int", 32), {"values": [16, 32, 64]}),
        (ProgramOption("batch-size", "int", 32, high=40), {"values": [16, 32, 40]}),
        (ProgramOption("layers", "int", 3, low=1, high=8), {"min": 1, "max": 8}),
        (ProgramOption("layers", "int", 3), {"min": 1, "max": 6}),
        (ProgramOption("optimizer", "str", "sgd", choices=("sgd", "adam")), {"values": ["sgd", "adam"]}),
        (ProgramOption("amp", "bool", False, form=Form.FLAG), {"values": [True, False]}),
        (ProgramOption("seed", "int", None), {"values": [0, 1, 2]}),
        (ProgramOption("epochs", "int", 90), {"value": 90}),
        # A flag passes one value of those it takes; a list is for what reads it from a word.
        (ProgramOption("hidden", "int", [64, 64], flags=("--hidden",), takes_many=True), {"value": 64}),
        (ProgramOption("aug", "str", ["a", "b"], flags=("--aug",), takes_many=True), {"values": ["a", "b"]}),
        (ProgramOption("dims", "any", [64, 64], takes_many=True), {"value": [64, 64]}),
        (ProgramOption("data_dir", "path", "data"), {"value": "data"}),
    ],
    ids=lambda value: value.name if isinstance(value, ProgramOption) else "",
)
def test_an_entry_is_what_one_would_search_around_the_default(option: ProgramOption, entry: dict[str, Json]) -> None:
    assert suggested_entry(option) == entry


def test_the_suggestion_of_each_option_that_takes_several_values_is_taken_by_its_program(tmp_path: Path) -> None:
    source = (
        "import argparse\np = argparse.ArgumentParser()\n"
        "p.add_argument('--hidden', nargs='+', type=int, default=[64, 64])\n"
        "p.add_argument('--betas', nargs=2, type=float, required=True)\n"
        "p.add_argument('--kinds', nargs='*', choices=['a', 'b'], default=['a'])\np.parse_args()\n"
    )
    (tmp_path / "many.py").write_text(source)
    options = read_named("many.py", tmp_path)
    settable = [option for option in options.options if option.is_settable]
    config = sweep_for(options, settable)

    assert config["command"] == ["${env}", "${interpreter}", "${program}", "--betas", FILL_IN, FILL_IN, "${args}"]
    assert [option.name for option in settable] == ["hidden", "kinds"]
    assert {problem.code for problem in program_findings(config, options).problems} <= {"fill-in"}


def test_the_proposed_sweep_of_each_program_is_valid_and_taken_but_for_what_only_the_user_knows(tmp_path: Path) -> None:
    write_examples(tmp_path)
    for name, text in OTHER_FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    programs = [*ARGPARSE, "clicked.py", *(name for name in OTHER_FILES if name.endswith(".py"))]
    for program in programs:
        options = read_named(program, tmp_path)
        config = sweep_for(options, proposed(options))
        assert violations(config) == [], program
        read = read_for_sweep(config, tmp_path)
        assert read is not None
        codes = {each.code for each in program_findings(config, read).problems}
        assert codes <= {"fill-in"}, (program, codes)


def test_taking_over_again_adds_nothing_and_mends_the_macro(tmp_path: Path) -> None:
    write_examples(tmp_path)
    options = read_named("plain.py", tmp_path)
    flag = next(each for each in options.options if each.name == "amp")
    before: dict[str, Json] = {"program": "plain.py", "method": "grid", "parameters": {"lr": {"value": 0.5}}}
    once = imported(before, options, [*proposed(options), flag])
    assert once.config["parameters"]["lr"] == {"value": 0.5}  # type: ignore[index,call-overload]
    assert once.config["command"] == ["${env}", "${interpreter}", "${program}", "${args_no_boolean_flags}"]
    assert once.removed == () and "amp" in once.added
    again = imported(once.config, options, [*proposed(options), flag])
    assert (again.config, again.added, again.changes) == (once.config, (), ())


def test_a_name_that_a_subcommand_takes_is_fixed_by_starting_the_subcommand(tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(
        "import typer\napp = typer.Typer()\n@app.command()\ndef train(lr: float = 0.1): ...\n"
        "@app.command()\ndef test(path: str): ...\nif __name__ == '__main__':\n    app()\n"
    )
    config: dict[str, Json] = {"program": "typed.py", "method": "grid", "parameters": {"lr": {"values": [0.1, 0.2]}}}
    options = read_named("typed.py", tmp_path)
    problem = program_findings(config, options).problems[0]

    fix = fixes_for(problem, config)[0]

    assert (fix.label, fix.is_obvious) == ("Start the command train", True)
    assert fix.config["command"] == ["${env}", "${interpreter}", "${program}", "train", "${args}"]
    assert not program_findings(fix.config, options).problems
