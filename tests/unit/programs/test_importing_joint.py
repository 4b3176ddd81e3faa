"""Options of a program taken into a sweep whose parameters rules have joined."""

from __future__ import annotations

from pathlib import Path

from trainer.programs.importing import imported
from trainer.programs.reading import read_for_sweep
from trainer.records import Json

SOURCE = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--batch_size", type=int, default=8)
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--depth", type=int, default=3)
parser.parse_args()
"""


def test_a_joint_parameter_stays_where_the_program_takes_its_members_and_these_are_not_taken_twice(
    tmp_path: Path,
) -> None:
    (tmp_path / "other.py").write_text(SOURCE)
    joint: Json = {"values": [{"batch_size": 1, "lr": 0.5}, {"batch_size": 2, "lr": 0.25}]}
    refused: Json = {"values": [{"batch_size": 1, "width": 0.5}]}
    config: dict[str, Json] = {
        "method": "grid",
        "program": "other.py",
        "parameters": {"joint__batch_size__lr": joint, "joint__batch_size__width": refused},
    }
    options = read_for_sweep(config, tmp_path)
    assert options is not None
    config["program"] = "before.py"
    taken = imported(config, options, options.options)
    assert taken.added == ("depth",)
    assert taken.removed == ("joint__batch_size__width",)
    assert taken.config["parameters"]["joint__batch_size__lr"] == joint  # type: ignore[index,call-overload]
