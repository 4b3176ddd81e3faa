"""Which charts the system metrics of a run make: one per quantity, a curve per device. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.records import HistoryPoint
from tui.chart_scale import XAxis
from tui.chart_series import ChartSeries
from tui.curve_charts import ChartContent

_MIB = float(2**20)
_NUMBER = re.compile(r"\.(\d+)(?=\.|$)")


@dataclass(frozen=True, slots=True)
class _Quantity:
    """What one chart shows."""

    title: str
    scale: float = 1.0
    """What a value is divided by."""


_KNOWN = {
    "cpu": _Quantity("CPU of the program, %"),
    "cpu.#.cpu_percent": _Quantity("CPU by core, %"),
    "memory_percent": _Quantity("memory of the machine, %"),
    "proc.memory.rssMB": _Quantity("memory of the program, MB"),
    "gpu.#.gpu": _Quantity("GPU, %"),
    "gpu.#.memoryAllocated": _Quantity("GPU memory, %"),
    "gpu.#.memoryAllocatedBytes": _Quantity("GPU memory, MB", _MIB),
    "gpu.#.memory": _Quantity("GPU memory access, %"),
    "gpu.#.powerWatts": _Quantity("GPU power, W"),
    "gpu.#.temp": _Quantity("GPU temperature, °C"),
    "gpu.#.powerPercent": _Quantity("GPU power, %"),
    "gpu.#.enforcedPowerLimitWatts": _Quantity("GPU power limit, W"),
    "gpu.#.smClock": _Quantity("GPU clock, MHz"),
    "gpu.#.memoryClock": _Quantity("GPU memory clock, MHz"),
    "gpu.process.#.gpu": _Quantity("GPU of the program, %"),
    "gpu.process.#.memoryAllocated": _Quantity("GPU memory of the program, %"),
    "gpu.process.#.memoryAllocatedBytes": _Quantity("GPU memory of the program, MB", _MIB),
    "tpu.#.dutyCycle": _Quantity("TPU, %"),
    "proc.memory.percent": _Quantity("memory of the program, %"),
    "proc.memory.availableMB": _Quantity("memory that is free, MB"),
    "proc.cpu.threads": _Quantity("threads of the program"),
    "disk.@.usagePercent": _Quantity("disk used, %"),
    "disk.@.usageGB": _Quantity("disk used, GB"),
    "disk.@.io": _Quantity("disk read and written, MB"),
    "network.io": _Quantity("network sent and received, MB", _MIB),
}
"""Quantities that SDK 0.31 measures, in the order in which they are looked at; the rest comes after, by name."""
_DIRECTIONS = {"in": "read", "out": "written", "sent": "sent", "recv": "received"}


@dataclass(frozen=True, slots=True)
class SystemChart:
    """One chart."""

    title: str
    names: tuple[tuple[str, str], ...]
    """The device or direction of each curve, and the metric that it draws."""
    scale: float = 1.0


def system_chart_list(rows: Sequence[HistoryPoint]) -> list[SystemChart]:
    """Return the charts that rows of system metrics make, the most asked for first."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in dict.fromkeys(name for row in rows for name in row.values):
        family, device = _family(name)
        found.setdefault(family, []).append((device, name))
    order = {family: place for place, family in enumerate(_KNOWN)}
    families = sorted(found, key=lambda family: (order.get(family, len(order)), family))
    return [
        SystemChart(
            quantity.title,
            tuple(sorted(found[family], key=lambda entry: (len(entry[0]), entry[0]))),
            quantity.scale,
        )
        for family in families
        for quantity in (_KNOWN.get(family, _Quantity(family.replace(".#", ""))),)
    ]


def system_content(chart: SystemChart, rows: Sequence[HistoryPoint], colors: Sequence[str]) -> ChartContent:
    """Return what a chart shows, over the time since the run began."""
    series = []
    for index, (device, name) in enumerate(chart.names):
        points = tuple(
            (
                row.runtime_seconds if row.runtime_seconds is not None else float(row.step),
                row.values[name] / chart.scale,
            )
            for row in rows
            if name in row.values
        )
        series.append(ChartSeries(device, "", colors[index % len(colors)], points))
    is_timed = any(row.runtime_seconds is not None for row in rows)
    return ChartContent(tuple(series), XAxis.SECONDS if is_timed else XAxis.COUNT)


def _family(name: str) -> tuple[str, str]:
    """Return what a metric is a measurement of, and of which device: `gpu.0.temp` is `gpu.#.temp` of 0."""
    name, _, node = name.partition("/l:")
    suffix = f"@{node}" if node else ""
    head, _, last = name.rpartition(".")
    if head == "network" and last in ("sent", "recv"):
        return "network.io", _DIRECTIONS[last] + suffix
    if head.startswith("disk."):
        disk = head.removeprefix("disk.")
        if last in ("in", "out"):
            return "disk.@.io", f"{disk} {_DIRECTIONS[last]}{suffix}"
        return f"disk.@.{last}", disk + suffix
    number = _NUMBER.search(name)
    if number is None:
        return name, node
    return f"{name[: number.start()]}.#{name[number.end() :]}", number.group(1) + suffix
