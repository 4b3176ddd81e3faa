"""One program is known again, however it is given its values."""

from __future__ import annotations

import pytest

from trainer.records import Json
from trainer.sweep.program_key import program_key


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"program": "train.py"}, "python train.py"),
        ({"program": "./train.py", "command": ["${program}", "${args}"]}, "train.py"),
        ({"command": ["${env}", "${interpreter}", "-m", "trainer", "train", "${args}"]}, "python -m trainer train"),
        (
            {"command": ["env", "OMP_NUM_THREADS=1", "/opt/py/bin/python3.12", "./train.py", "${args_no_hyphens}"]},
            "python train.py",
        ),
        ({"command": ["${interpreter}", "train.py", "mode=fast", "${args_json}"]}, "python train.py mode=fast"),
        ({"command": ["torchrun", "--nproc_per_node=2", "train.py"]}, "torchrun --nproc_per_node=2 train.py"),
        ({}, "python"),
    ],
)
def test_the_key_names_the_program_without_its_values(config: dict[str, Json], key: str) -> None:
    assert program_key(config) == key
