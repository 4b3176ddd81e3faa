"""How programs are found and read: places, imports, what cannot be read, and what is never claimed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from textwrap import dedent

import pytest

from trainer.errors import ProgramError
from trainer.programs.findings import program_findings
from trainer.programs.likely import likely_programs
from trainer.programs.options import ProgramOptions, Style
from trainer.programs.program_reading import ProgramReading
from trainer.programs.reading import read_for_sweep, read_named
from trainer.records import Json
from tui.sweep_draft import FRESH_CONFIG

PARSER = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--lr', type=float)\n"
PARSE = "parser.parse_args()\n"


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))


def names(options: ProgramOptions | None) -> list[str]:
    assert options is not None
    return [option.name for option in options.options]


def codes(config: dict[str, Json], folder: Path) -> list[str]:
    options = read_for_sweep(config, folder)
    assert options is not None
    return [each.code for each in program_findings(config, options).problems]


def test_modules_packages_and_scripts_in_folders_are_found_with_their_imports(tmp_path: Path) -> None:
    write(tmp_path, "lib/__init__.py", "")
    write(tmp_path, "lib/flags.py", "def add(parser):\n    parser.add_argument('--depth', type=int)\n")
    write(tmp_path, "lib/train.py", "from .flags import add\n" + PARSER + "add(parser)\n" + PARSE)
    write(tmp_path, "lib/__main__.py", "from . import train\ntrain.parser\n")
    write(tmp_path, "tools/near.py", "SIZES = [1, 2]\n")
    write(
        tmp_path, "tools/go.py", "import near\n" + PARSER + "parser.add_argument('--n', choices=near.SIZES)\n" + PARSE
    )
    assert names(read_named("-m lib.train", tmp_path)) == ["lr", "depth"]
    assert names(read_named("lib.train", tmp_path)) == ["lr", "depth"]
    assert names(read_named("lib", tmp_path)) == ["lr", "depth"]
    assert read_named("tools/go.py", tmp_path).options[1].choices == (1, 2)
    (tmp_path / "link.py").symlink_to(tmp_path / "tools" / "go.py")
    assert read_named("link.py", tmp_path).options[1].choices == (1, 2)
    command: list[Json] = ["torchrun", "--nproc_per_node=2", "tools/go.py", "${args}"]
    assert names(read_for_sweep({"command": command}, tmp_path)) == ["lr", "n"]
    assert likely_programs(tmp_path)[0] == "lib/train.py"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("broken.py", b"import argparse\nx = (\n", "broken.py:2 is not valid Python"),
        ("latin.py", b"x = '\xe9'\n", "is not text in the encoding it claims"),
        ("nul.py", b"x = 1\0\n", "nul.py"),
        ("deep.py", b"x = " + b"(" * 5000 + b")" * 5000, "deep.py"),
        ("large.py", b"#" * (3 * 1024 * 1024), "larger than 2 MiB"),
        ("book.ipynb", b"{}", "is a notebook"),
        ("start.sh", b"#!/bin/sh\n", "is no Python program"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_is_a_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ProgramError, match=sentence):
        read_named(name, tmp_path)
    read_for_sweep({"program": name, "parameters": {"lr": {"value": 1}}}, tmp_path)


def test_how_many_words_an_option_takes_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', type=float)\n"
        "p.add_argument('--many', nargs=argparse.ONE_OR_MORE)\np.add_argument('first', nargs=argparse.OPTIONAL)\n"
        "p.add_argument('rest', nargs=argparse.REMAINDER)\np.parse_args()\n"
    )
    many, first, rest = read_named("train.py", tmp_path).options[1:]
    assert many.takes_many and rest.takes_many
    assert not first.is_required and not rest.is_required


def test_a_file_that_is_not_there_is_not_taken_for_a_module(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=r"There is no program train\.py"):
        read_named("train.py", tmp_path)


def test_places_that_are_no_program_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "loop.py").symlink_to("loop.py")
    for name in ("folder", "pipe.py", "loop.py", "nothing.py", "-m no.such", "", "a'b"):
        with pytest.raises(ProgramError):
            read_named(name, tmp_path)
    (tmp_path / "ok.py").write_bytes(
        "# -*- coding: latin-1 -*-\nHELP = 'é'\n".encode("latin-1") + (PARSER + PARSE).encode()
    )
    assert names(read_named("ok.py", tmp_path)) == ["lr"]


def test_a_program_is_never_run_and_never_takes_long(tmp_path: Path) -> None:
    hostile = """
    import os, sys
    open("ran", "w")
    os.system("touch ran")
    exec("open('ran', 'w')")
    x = "a" * 10**12
    y = 9 ** 9 ** 9 ** 9
    z = [0] * 10**10
    w = "%999999999d" % 1
    def f(n):
        return f(n + 1) + f(n - 1)
    f(0)
    while True:
        for i in range(10**9):
            for j in range(10**9):
                for k in range(10**9):
                    pass
    """
    write(tmp_path, "hostile.py", dedent(hostile) + PARSER + PARSE)
    began = time.process_time()
    read_named("hostile.py", tmp_path)
    assert time.process_time() - began < 5
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "text",
    [
        PARSER + "args, rest = parser.parse_known_args()\n",
        PARSER + "import other\nother.add_options(parser)\n" + PARSE,
        PARSER + "import os\nfor name in os.listdir():\n    parser.add_argument('--' + name)\n" + PARSE,
        PARSER + "import base\nparser = argparse.ArgumentParser(parents=[base.parser])\n" + PARSE,
        PARSER + "parser.parse_args(['--lr', '1'])\n",
        "from simple import Parser\np = Parser()\np.add_argument('--lr')\np.parse_args()\n",
        "import sys\nprint(sys.argv)\n",
        "import sys\nsys.argv = [a.lstrip('-') for a in sys.argv]\n" + PARSER + PARSE,
        "import sys\n" + PARSER + "parser.parse_args(mended(sys.argv[1:]))\n",
        "import click\nimport other\n@click.command()\n@other.options\ndef main(): ...\nmain()\n",
        "import wandb\nrun = wandb.init()\ntrain(**run.config)\n",
    ],
)
def test_nothing_is_claimed_where_names_may_be_taken_that_were_not_read(tmp_path: Path, text: str) -> None:
    write(tmp_path, "train.py", text)
    assert codes({"program": "train.py", "parameters": {"nope": {"value": 1}}}, tmp_path) == []


def test_words_that_are_handed_on_are_as_strict_as_those_that_are_not(tmp_path: Path) -> None:
    main = "def main(argv=None):\n    parser.parse_args(argv)\n"
    for start in ("main()", "sys.exit(main(sys.argv[1:]))"):
        write(tmp_path, "train.py", "import sys\n" + PARSER + main + start + "\n")
        assert codes({"program": "train.py", "parameters": {"nope": {"value": 1}}}, tmp_path) == [
            "program-unknown-name"
        ]


def test_two_parsers_that_share_the_words_are_as_strict_as_the_second(tmp_path: Path) -> None:
    text = PARSER + "args, rest = parser.parse_known_args()\n"
    text += "second = argparse.ArgumentParser(parents=[parser])\nsecond.add_argument('--wd')\nsecond.parse_args(rest)\n"
    write(tmp_path, "train.py", text)
    assert codes({"program": "train.py", "parameters": {"nope": {"value": 1}}}, tmp_path) == ["program-unknown-name"]
    assert codes({"program": "train.py", "parameters": {"wd": {"value": 1}, "lr": {"value": 1}}}, tmp_path) == []


def test_globals_that_a_configurator_replaces_are_options(tmp_path: Path) -> None:
    write(tmp_path, "configurator.py", "import sys\nfor a in sys.argv[1:]:\n    globals()[a] = a\n")
    write(tmp_path, "train.py", "lr = 6e-4\ncompile = True\nexec(open('configurator.py').read())\nlater = 1\n")
    assert names(read_named("train.py", tmp_path)) == ["lr", "compile"]


def test_wandb_config_is_read_with_its_defaults_and_what_is_logged(tmp_path: Path) -> None:
    text = """
    import wandb
    DEFAULTS = dict(lr=0.1, layers=2)
    def main():
        run = wandb.init(config=DEFAULTS)
        for step in range(wandb.config.epochs):
            run.log({"val/loss": 1.0, "step": step, **extra})
            wandb.log({"val/acc": wandb.config["lr"]})
    main()
    """
    write(tmp_path, "train.py", text)
    options = read_named("train.py", tmp_path)
    assert options.style is Style.WANDB_CONFIG
    assert {option.name: option.default for option in options.options if option.name != "epochs"} == {
        "lr": 0.1,
        "layers": 2,
    }
    assert "val/acc" in options.logged
    odd = program_findings({"program": "train.py", "parameters": {"lrs": {"value": 1}}}, options).oddities
    assert [(each.path, each.hint) for each in odd] == [("parameters.lrs", "Did you mean `lr`?")]


def test_the_own_trainer_is_held_against_its_catalog(tmp_path: Path) -> None:
    def found(parameters: dict[str, Json]) -> list[tuple[str, str]]:
        config = {**FRESH_CONFIG, "parameters": parameters}
        options = read_for_sweep(config, tmp_path)
        assert options is not None and options.style is Style.TRAINER
        return [(each.path, each.code) for each in program_findings(config, options).problems]

    assert found(FRESH_CONFIG["parameters"]) == []  # type: ignore[arg-type]
    assert found({"model": {"value": "svm"}, "n_estimators": {"value": 3}}) == [
        ("parameters.n_estimators", "program-not-with")
    ]
    assert found({"optimizer": {"parameters": {"lr": {"value": 0.1}}}, "model": {"value": "mlp"}}) == []
    assert found({"n_estimators": {"value": 0}, "learning-rat": {"value": 1}}) == [
        ("parameters.n_estimators", "program-out-of-range"),
        ("parameters.learning-rat", "program-unknown-name"),
    ]


def test_a_program_is_read_again_only_when_a_file_of_it_changed(tmp_path: Path) -> None:
    write(tmp_path, "flags.py", "NAME = '--wd'\n")
    write(tmp_path, "train.py", PARSER + "import flags\nparser.add_argument(flags.NAME)\n" + PARSE)
    reading = ProgramReading(tmp_path)
    config: dict[str, Json] = {"program": "train.py"}
    first = reading.read(config)
    assert reading.read({**config, "parameters": {"lr": {"value": 1}}}) is first
    write(tmp_path, "flags.py", "NAME = '--decay'\n")
    os.utime(tmp_path / "flags.py", (1, 1))
    assert names(reading.read(config)) == ["lr", "decay"]
    assert reading.read({"program": "gone.py"}) is None
