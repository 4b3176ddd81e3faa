from __future__ import annotations

from trainer.records import Json
from trainer.sweep.validation import warnings

V1, OLD = "wandb_v1_" + "aB3" * 12, "0123456789" * 4


def advice(config: dict[str, Json]) -> list[str]:
    found = [warning for warning in warnings(config) if warning.code.startswith("key-")]
    assert not any(V1 in str(warning) or OLD in str(warning) for warning in found), "it is not shown again"
    return [warning.path for warning in found]


def test_a_key_among_the_values_is_seen_and_a_hash_is_none() -> None:
    parameters: dict[str, Json] = {
        "wandb_api_key": {"value": OLD},
        "note": {"values": ["x", f"--key={V1}"]},
        "model": {"parameters": {"hub_token": {"value": OLD}}},
        "commit": {"value": OLD},
        "token_length": {"value": 3},
    }
    assert advice({"method": "grid", "parameters": parameters}) == [
        "parameters.wandb_api_key.value",
        "parameters.note.values[1]",
        "parameters.model.parameters.hub_token.value",
    ]


def test_a_key_on_the_command_line_is_seen() -> None:
    command: list[Json] = ["${interpreter}", "${program}", "--k=${envvar:WANDB_API_KEY}", "${envvar:HOME}", "${args}"]
    assert advice({"method": "grid", "program": "p.py", "command": command}) == ["command[2]"]
