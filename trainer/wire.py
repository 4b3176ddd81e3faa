"""W&B's JSON to records and back (SDK 0.31): the only module that knows the field names on the wire.

Reading is tolerant: servers of different ages leave fields out or send null, and a sweep with one odd run must
still be shown.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

from trainer.records import (
    AgentCommand,
    ConsoleLine,
    Goal,
    HistoryPoint,
    Json,
    Metric,
    RunRecord,
    SweepRecord,
    SweepReference,
)
from trainer.settings import CLOUD_URL
from trainer.states import RunState, SweepState

_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def wrap_config(flat: Mapping[str, Json]) -> dict[str, Any]:
    """Return the wire form `{"lr": {"value": 0.1}}` of the flat form `{"lr": 0.1}`."""
    return {key: {"value": value} for key, value in flat.items()}


def unwrap_config(wire: Any) -> dict[str, Json]:
    """Return the flat form of a run's configuration, without `_wandb` and `wandb_version`.

    Args:
        wire: JSON text or the mapping it holds; null and unreadable text count as empty. Entries that are not
            wrapped in `value` are taken as they are.
    """
    return _unwrapped(_json_mapping(wire))


def _unwrapped(mapping: Mapping[str, Any]) -> dict[str, Json]:
    return {
        key: entry["value"] if isinstance(entry, dict) and "value" in entry else entry
        for key, entry in mapping.items()
        if key not in ("_wandb", "wandb_version")
    }


def number(value: Any) -> float | None:
    """Return a number as W&B sends it, "NaN" and "Infinity" included; None for anything else."""
    if isinstance(value, str):
        return _NON_FINITE.get(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def parse_time(text: Any) -> datetime | None:
    """Return a wire time as aware UTC; None for null and for what is not a time."""
    if not isinstance(text, str) or not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    zone = moment.tzinfo
    return moment if zone is UTC else moment.replace(tzinfo=UTC) if zone is None else moment.astimezone(UTC)


def app_url(base_url: str) -> str:
    """Return where a person looks at what the API at `base_url` serves."""
    return "https://wandb.ai" if base_url == CLOUD_URL else base_url


def sweep_url(base_url: str, reference: SweepReference) -> str:
    """Return the address of a sweep's page, as stock wandb prints it."""
    return "/".join(
        [app_url(base_url), quote(reference.entity), quote(reference.project), "sweeps", quote(reference.id)]
    )


def reference_from_url(text: str) -> SweepReference | None:
    """Return what a sweep's page address names; None when it is not one."""
    try:
        parts = [part for part in urlsplit(text).path.split("/") if part]
    except ValueError:
        return None
    if len(parts) < 4 or parts[2] != "sweeps":
        return None
    return SweepReference(parts[0], parts[1], parts[3])


@lru_cache(maxsize=512)
def _parsed_sweep_config(text: str) -> Mapping[str, Json]:
    """Parse a sweep's configuration once, however often it is polled."""
    for parse in (json.loads, lambda source: yaml.load(source, Loader=_YAML_LOADER)):
        try:
            config = parse(text)
        except (ValueError, yaml.YAMLError):
            continue
        if isinstance(config, dict):
            return config
    return {}


def sweep_config(wire: Any) -> Mapping[str, Json]:
    """Return a sweep's configuration from the YAML or JSON text that the server keeps; empty if unreadable."""
    if isinstance(wire, str):
        return _parsed_sweep_config(wire)
    return wire if isinstance(wire, dict) else {}


def metric_from_config(config: Mapping[str, Json]) -> Metric | None:
    """Return what a sweep optimises; None when it names no metric."""
    metric = config.get("metric")
    if not isinstance(metric, dict) or not isinstance(metric.get("name"), str):
        return None
    goal: Goal = "maximize" if metric.get("goal") == "maximize" else "minimize"
    return Metric(str(metric["name"]), goal, number(metric.get("target")))


def sweep_record(node: Mapping[str, Any], entity: str, project: str, base_url: str) -> SweepRecord:
    """Return the record of a `Sweep` node."""
    config = sweep_config(node.get("config"))
    identifier = str(node.get("name") or "")
    reference = SweepReference(entity, project, identifier)
    named = node.get("displayName") or config.get("name")
    expected = node.get("runCountExpected")
    count = node.get("runCount")
    return SweepRecord(
        reference=reference,
        name=str(named) if named else identifier,
        state=_sweep_state(node.get("state")),
        method=str(node.get("method") or config.get("method") or "custom"),
        metric=metric_from_config(config),
        config=config,
        created_at=parse_time(node.get("createdAt")),
        run_count=count if isinstance(count, int) else 0,
        run_count_expected=expected if isinstance(expected, int) else None,
        best_value=number(node.get("bestLoss")),
        url=sweep_url(base_url, reference),
    )


def run_record(node: Mapping[str, Any], metric: Metric | None = None) -> RunRecord:
    """Return the record of a `Run` node; its curve from `sampledHistory` where the node has one."""
    config, summary = _json_mapping(node.get("config")), _json_mapping(node.get("summaryMetrics"))
    return _run_record(node, config, summary, metric)


def run_records(nodes: Sequence[Mapping[str, Any]], metric: Metric | None = None) -> list[RunRecord]:
    """Return the records of many `Run` nodes, as `run_record` makes them.

    Their texts are parsed all at once: that is faster, and equal keys are then one text in memory.
    """
    texts = [node.get(name) for node in nodes for name in ("config", "summaryMetrics")]
    parsed = _parsed_together(texts) or [_json_value(text) for text in texts]
    mappings = [value if isinstance(value, dict) else {} for value in parsed]
    return [
        _run_record(node, config, summary, metric)
        for node, config, summary in zip(nodes, mappings[::2], mappings[1::2], strict=True)
    ]


def _parsed_together(texts: Sequence[Any]) -> list[Any] | None:
    """Return the values of JSON texts; None where one of them is no text, or not JSON."""
    if not all(type(text) is str for text in texts):
        return None
    try:
        # A zero between each two: what is no JSON alone, but would be together with its neighbour, does not pass.
        values = json.loads(f"[{',0,'.join(texts)}]")
    except (ValueError, RecursionError):
        return None
    is_apart = len(values) == max(2 * len(texts) - 1, 0) and not any(values[1::2])
    return values[::2] if is_apart else None


def _run_record(
    node: Mapping[str, Any], config: Mapping[str, Any], raw_summary: Mapping[str, Any], metric: Metric | None
) -> RunRecord:
    state = _run_state(node.get("state"))
    created_at, heartbeat_at = parse_time(node.get("createdAt")), parse_time(node.get("heartbeatAt"))
    identifier = str(node.get("name") or "")
    environment = _environment(config)
    return RunRecord(
        id=identifier,
        name=str(node.get("displayName") or identifier),
        state=state,
        config=_unwrapped(config),
        summary={
            key: _NON_FINITE.get(value, value) if isinstance(value, str) else value
            for key, value in raw_summary.items()
            if key[:1] != "_"
        },
        tags=tuple(str(tag) for tag in node.get("tags") or ()),
        created_at=created_at,
        heartbeat_at=heartbeat_at,
        duration_seconds=_duration(state, raw_summary, created_at, heartbeat_at),
        host=str(node.get("host") or environment.get("host") or ""),
        gpu=_gpu_text(environment),
        commit=str(node.get("commit") or ""),
        group=str(node.get("group") or ""),
        job_type=str(node.get("jobType") or ""),
        notes=str(node.get("notes") or ""),
        sweep_id=str(node.get("sweepName") or ""),
        stop_reason=str(node.get("stopReason") or ""),
        curve=_curve(node.get("sampledHistory"), metric),
    )


def _environment(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the last writer of a run told of its machine; wandb-core 0.31 puts it into the configuration.

    Source: wandb 0.31, wandb_internal.proto, EnvironmentRecord.
    """
    internal = config.get("_wandb")
    if not isinstance(internal, dict):
        return {}
    value = internal.get("value")
    writers = value.get("e") if isinstance(value, dict) else None
    told = [each for each in writers.values() if isinstance(each, dict)] if isinstance(writers, dict) else []
    return max(told, key=lambda each: str(each.get("startedAt") or ""), default={})


def _gpu_text(environment: Mapping[str, Any]) -> str:
    name, count = str(environment.get("gpu") or ""), environment.get("gpu_count")
    return f"{count} × {name}" if name and isinstance(count, int) and count > 1 else name


def history_points(rows: Iterable[Any], keys: Sequence[str] | None = None) -> list[HistoryPoint]:
    """Return history rows as points, oldest first; rows without numbers are left out.

    Args:
        rows: JSON texts or the mappings they hold.
        keys: Metrics wanted; None for every number in the row, nested ones with dots.
    """
    points: list[HistoryPoint] = []
    for index, row in enumerate(rows):
        mapping = _json_mapping(row)
        if keys is None:
            values = dict(_flat_numbers(mapping))
        else:
            found = ((key, number(_descend(mapping, key))) for key in keys)
            values = {key: value for key, value in found if value is not None}
        if values:
            step = mapping.get("_step")
            points.append(
                HistoryPoint(step if isinstance(step, int) else index, values, number(mapping.get("_runtime")))
            )
    points.sort(key=lambda point: point.step)
    return points


def console_line(node: Mapping[str, Any], fallback_number: int) -> ConsoleLine:
    """Return the record of one console line."""
    position = node.get("number")
    return ConsoleLine(
        number=position if isinstance(position, int) else fallback_number,
        text=str(node.get("line") or "").rstrip("\r\n"),
        is_error=str(node.get("level") or "").lower() == "error",
    )


def server_features(wire: Any) -> frozenset[str]:
    """Return the names of what a server says it can do: the features of `serverInfo` that are enabled."""
    features = wire.get("features") if isinstance(wire, Mapping) else None
    listed = features if isinstance(features, list) else []
    return frozenset(
        str(feature["name"])
        for feature in listed
        if isinstance(feature, dict) and feature.get("isEnabled") and feature.get("name")
    )


def agent_commands(wire: Any) -> list[AgentCommand]:
    """Return the commands of a heartbeat's answer: JSON text of a list, as W&B sends it, or the list itself."""
    commands = _json_value(wire)
    if not isinstance(commands, list):
        return []
    parsed = []
    for command in commands:
        if isinstance(command, dict) and command.get("type"):
            wanted = command["type"] in ("run", "resume")
            args = unwrap_config(command.get("args")) if wanted else None
            parsed.append(AgentCommand(str(command["type"]), str(command.get("run_id") or ""), args))
    return parsed


def _run_state(value: Any) -> RunState:
    return _named_state(str(value).lower()) if value else RunState.PENDING


@lru_cache(maxsize=100)
def _named_state(name: str) -> RunState:
    try:
        return RunState(name)
    except ValueError:
        # What is not known to be over goes on being watched.
        return RunState.RUNNING


def _sweep_state(value: Any) -> SweepState:
    if not value:
        return SweepState.PENDING
    spelled = str(value).upper().replace("CANCELLED", "CANCELED")
    try:
        return SweepState(spelled)
    except ValueError:
        return SweepState.RUNNING


def _duration(
    state: RunState, summary: Mapping[str, Any], created_at: datetime | None, heartbeat_at: datetime | None
) -> float | None:
    """Return the seconds a run took; `_runtime` is of the last logged row, `_wandb.runtime` of the end."""
    if state is RunState.PENDING:
        return None
    nested, runtime = summary.get("_wandb"), summary.get("_runtime")
    if type(runtime) is float and nested is None and 1 <= runtime < math.inf and state.is_terminal:
        return runtime  # as it is nearly always
    told = [number(runtime), number(nested.get("runtime")) if isinstance(nested, dict) else None]
    seconds = [value for value in told if value is not None and math.isfinite(value)]
    # `_wandb.runtime` is in whole seconds, so of a run of less than one it says nothing.
    if created_at and heartbeat_at and (max(seconds, default=0.0) < 1 or not state.is_terminal):
        seconds.append(max((heartbeat_at - created_at).total_seconds(), 0.0))
    return max(seconds, default=None)


def _curve(sampled: Any, metric: Metric | None) -> tuple[HistoryPoint, ...]:
    """Return the first spec's rows of `sampledHistory`; one spec is all that is ever asked for."""
    if metric is None or not isinstance(sampled, list) or not sampled or not isinstance(sampled[0], list):
        return ()
    return tuple(history_points(sampled[0], [metric.name]))


def _flat_numbers(mapping: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, float]]:
    for key, value in mapping.items():
        if not prefix and key.startswith("_"):
            continue
        if isinstance(value, dict):
            if "_type" not in value:
                yield from _flat_numbers(value, f"{prefix}{key}.")
        elif (found := number(value)) is not None:
            yield prefix + key, found


def _descend(mapping: Mapping[str, Any], key: str) -> Any:
    """Return the value of a key, which may also be a dotted path into nested values."""
    if key in mapping:
        return mapping[key]
    value: Any = mapping
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def _json_value(wire: Any) -> Any:
    if not isinstance(wire, str | bytes):
        return wire
    try:
        return json.loads(wire)
    except ValueError:
        return None


def _json_mapping(wire: Any) -> dict[str, Any]:
    value = _json_value(wire)
    return value if isinstance(value, dict) else {}
