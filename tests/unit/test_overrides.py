"""Parameters that the command line adds to a sweep: only where they can do no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer.commands.planning import taken_by_program
from trainer.launch import Overrides
from trainer.records import Json

STRICT = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--a', type=int)\np.parse_args()\n"
SEEDED = STRICT.replace("p.parse_args", "p.add_argument('--seed', type=int)\np.parse_args")
OPEN = "import wandb\nwith wandb.init() as run:\n    print(run.config.seed)\n"


@pytest.mark.parametrize(
    ("program", "parameters", "kept"),
    [
        (STRICT, {}, (None, None)),
        (SEEDED, {}, (None, 7)),
        (STRICT, {"dataset": {"values": ["x"]}}, ("wine", None)),
        (OPEN, {}, ("wine", 7)),
    ],
    ids=["refuses both", "takes the seed", "the sweep has it", "takes anything"],
)
def test_a_program_does_not_get_what_the_sweep_lacks_and_it_refuses(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    program: str,
    parameters: dict[str, Json],
    kept: tuple[str | None, int | None],
) -> None:
    (tmp_path / "train.py").write_text(program)
    monkeypatch.chdir(tmp_path)
    config: dict[str, Json] = {
        "program": "train.py",
        "method": "grid",
        "parameters": {"a": {"values": [1, 2]}, **parameters},
    }
    overrides = taken_by_program(Overrides(count=3, dataset="wine", seed=7), config)
    assert (overrides.dataset, overrides.seed, overrides.count) == (*kept, 3)
    said = capsys.readouterr().err
    assert ("--dataset is left out" in said, "--seed is left out" in said) == (kept[0] is None, kept[1] is None)
