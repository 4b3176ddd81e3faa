from __future__ import annotations

from pathlib import Path

import pytest

from trainer.agents.bootstrap.program_imports import Reading, read_program


def read(folder: Path, source: str, package: str = "", **beside: str) -> Reading:
    path = folder / "train.py"
    path.write_text(source)
    for name, text in beside.items():
        target = folder / (name.replace("_in_", "/") + ".py")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return read_program(str(path), str(folder), package)


def imports(reading: Reading) -> list[str]:
    return [step.name for step in reading.steps if step.kind == "import"]


def test_imports_are_read_in_the_programs_order(tmp_path: Path) -> None:
    reading = read(
        tmp_path, "from __future__ import annotations\nimport os, numpy as np\nfrom sklearn import svm, tree"
    )
    assert imports(reading) == ["os", "numpy", "sklearn"]
    assert reading.steps[-1].detail == ("svm", "tree")
    assert not reading.ended


def test_modules_of_the_program_are_read_and_not_imported(tmp_path: Path) -> None:
    source = "import first\nimport data\nfrom models import net\nimport last"
    reading = read(
        tmp_path,
        source,
        data="import pandas\nfrom extra.sub import deep",
        models_in___init__="import torch",
        models_in_net="from . import layers\nfrom .layers import x\nimport scipy",
        models_in_layers="import einops",
        extra_in_sub_in___init__="import yaml",
        extra_in_sub_in_deep="import attrs",
    )
    assert imports(reading) == ["first", "pandas", "yaml", "attrs", "torch", "einops", "scipy", "last"]


def test_only_what_is_certain_to_happen_counts(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        "import sys\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import never\n"
        "if sys.argv[1:]:\n    import perhaps\n"
        "try:\n    import first_choice\nexcept ImportError:\n    import second_choice\n"
        "if sys.version_info >= (3, 11):\n    import tomllib\n"
        "def main():\n    import later\n"
        "class A:\n    import inside\n"
        "with open('x') as f:\n    import within\n"
        "if __name__ == '__main__':\n    import at_the_end\n",
    )
    assert imports(reading) == ["sys", "typing", "first_choice", "tomllib", "within", "at_the_end"]


def test_a_program_may_name_what_it_imports_within_functions(tmp_path: Path) -> None:
    reading = read(tmp_path, "__warm_imports__ = ('wandb', 'sklearn.ensemble')\nimport click")
    assert imports(reading) == ["click", "wandb", "sklearn.ensemble"]


def test_variables_that_are_written_out_are_set_before_the_imports_that_follow(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        "import os\nos.environ['KERAS_BACKEND'] = 'jax'\nos.environ.setdefault('OMP_NUM_THREADS', '1')\nimport keras",
    )
    assert [(step.kind, step.name, step.detail) for step in reading.steps] == [
        ("import", "os", ()),
        ("set", "KERAS_BACKEND", ("jax",)),
        ("default", "OMP_NUM_THREADS", ("1",)),
        ("import", "keras", ()),
    ]
    assert not reading.ended


@pytest.mark.parametrize(
    "statement",
    [
        "os.environ['CUDA_VISIBLE_DEVICES'] = sys.argv[1]",
        "os.environ.update(A='1')",
        "os.environ.pop('A', None)",
        "del os.environ['A']",
        "os.putenv('A', '1')",
        "environ['A'] = str(1)",
        "sys.path.insert(0, '..')",
        "sys.path.append('lib')",
        "sys.path += ['lib']",
        "sys.path = ['lib']",
        "sys.path[0] = 'lib'",
        "load_dotenv()",
        "dotenv.load_dotenv()",
        "gevent.monkey.patch_all()",
        "if x:\n    os.environ['A'] = '1'",
        "for n in ('A', 'B'):\n    os.environ[n] = '1'",
        "def setup():\n    os.environ['A'] = f()\nsetup()",
        "x = [os.environ.setdefault('A', b) for b in c]",
    ],
)
def test_reading_ends_where_the_program_changes_what_later_imports_do(tmp_path: Path, statement: str) -> None:
    reading = read(tmp_path, f"import before\n{statement}\nimport after")
    assert imports(reading) == ["before"]
    assert "train.py line" in reading.ended
    in_a_module = read(tmp_path, "import one\nimport beside\nimport after", beside=f"import two\n{statement}")
    assert imports(in_a_module) == ["one", "two"]
    assert "beside.py line" in in_a_module.ended


@pytest.mark.parametrize(
    "statement",
    [
        "x = os.environ['A']",
        "x = os.environ.get('A')",
        "def setup():\n    os.environ['A'] = '1'",
        "print(sys.path)",
        "x = {}\nx['A'] = 1\nx.update(b=1)\nx.pop('A')",
        "p.path.append(1)",
    ],
)
def test_what_changes_nothing_ends_nothing(tmp_path: Path, statement: str) -> None:
    reading = read(tmp_path, f"import before\n{statement}\nimport after")
    assert imports(reading) == ["before", "after"]


@pytest.mark.parametrize("source", ["import ok\nprint 'old'", "\0", "# -*- coding: none-such -*-\n"])
def test_a_program_that_cannot_be_read_is_left_to_the_run(tmp_path: Path, source: str) -> None:
    reading = read(tmp_path, source)
    assert reading.steps == ()
    assert "train.py cannot be read" in reading.ended


def test_modules_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    reading = read(tmp_path, "import a", a="import numpy\nimport b", b="import a\nimport scipy\nfrom train import x")
    assert imports(reading) == ["numpy", "scipy"]


def test_under_dash_m_relative_imports_are_the_packages_own(tmp_path: Path) -> None:
    reading = read(tmp_path, "from . import other\nfrom .deep.one import x", "installed.tool")
    assert [(step.name, step.detail) for step in reading.steps] == [
        ("installed.tool", ("other",)),
        ("installed.tool.deep.one", ("x",)),
    ]
