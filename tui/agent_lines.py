"""The lines of the agents panel: hosts, slots, failures by fingerprint, cut to a width. Pure; owns no colour.

What a program printed is hostile: escapes, control characters and wide letters are handled here, once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from rich.cells import cell_len, set_cell_size

from trainer.records import FailureGroup, LocalAgent, RunRecord
from trainer.states import AgentState
from tui.formatting import StateLabel, age_text, agent_label, count_text, seconds_text

MAX_FAILURES = 50
"""Groups shown; more than this many reasons are read in the logs."""
_MAX_RAW = 2_000
"""Characters of a line that are looked at: no screen shows more."""
_ROOMY = 100
"""Cells from which counts are words."""
_MIN_SAYING = 12
ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]?"
)
_REST_PREFIX = re.compile(r"^This slot rests for [^:]{1,20}: ")
_GPU_LABEL = re.compile(r"GPUs? (?P<numbers>[\d:, ]*\d)(?: (?P<name>.*))?")
_UUID = re.compile(r"\s*\((?:GPU|MIG)-[^)]*\)$")
_MODEL_NOISE = re.compile(
    r"\b(?:NVIDIA|GeForce|Tesla|Quadro|Graphics|Device)\b\s*|[-\s]*\b(?:SXM\d*|PCI[Ee]|\d+ ?GB|HBM\w*|MIG)\b"
)

SlotKey = tuple[int, int]
"""Process of the host and number of the slot."""


@dataclass(frozen=True, slots=True)
class PanelLine:
    """One line and what it stands for."""

    pieces: tuple[tuple[str, str], ...]
    """Texts with their looks: a tone, `text`, `bold` or `muted`."""
    slot: SlotKey | None = None
    failure: str = ""
    """Fingerprint of the failures it tells of."""

    @property
    def key(self) -> SlotKey | str | None:
        """What can be selected; None for headings."""
        return self.slot or self.failure or None

    @property
    def text(self) -> str:
        """The line without looks."""
        return "".join(text for text, _ in self.pieces)


@dataclass(frozen=True, slots=True)
class AgentsView:
    """What the panel shows."""

    agents: Sequence[LocalAgent] = ()
    runs: Mapping[str, RunRecord] = field(default_factory=dict)
    """The sweep's runs by id."""
    now: datetime = datetime.min.replace(tzinfo=UTC)
    empty_hint: str = ""
    """What to say after saying that there are no agents."""

    @property
    def shown_agents(self) -> list[LocalAgent]:
        """The agents that get a line: those that have left only where none works any more."""
        is_working = any(not agent.state.is_terminal for agent in self.agents)
        return [agent for agent in self.agents if not (is_working and agent.state is AgentState.STOPPED)]


def plain_line(text: str, *, keeps_spaces: bool = False, limit: int = _MAX_RAW) -> str:
    """Return what a program printed on one line without anything that steers a terminal or turns text around."""
    text = text[:limit]
    if "\x1b" in text or "\x9b" in text:
        text = ESCAPES.sub("", text)
    if keeps_spaces:
        text = text.expandtabs(8)
    if not (text.isascii() and text.isprintable()):
        text = "".join(_harmless(character) for character in text)
    return text if keeps_spaces else " ".join(text.split())


def _harmless(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else " "
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me"):
        # Direction marks, joiners and piles of accents: terminals disagree about their width.
        return ""
    return "\ufffd" if category in ("Cs", "Co", "Cn", "Cc") else character


def cut(text: str, cells: int) -> str:
    """Return `text` in at most `cells` cells, with an ellipsis where it was cut."""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1).rstrip() + "…" if cells > 0 else ""


def device_text(label: str, threads: int = 0) -> str:
    """Return a slot's device in a few letters: `GPU 0 H100`, `CPU 2 threads`; empty where nothing is known."""
    if not label:
        return ""
    if label.startswith("all "):
        return plain_line(label.partition(",")[0])
    found = _GPU_LABEL.match(_UUID.sub("", label))
    if not found:
        return f"CPU {count_text(threads, 'thread')}" if threads else "CPU"
    numbers = found["numbers"].replace(" ", "")
    return f"GPU{'s' if ',' in numbers else ''} {numbers} {_model(found['name'] or '')}".rstrip()


def _model(name: str) -> str:
    """Return what tells a GPU's model from another: `NVIDIA H100 80GB HBM3` is `H100`."""
    return cut(plain_line(_MODEL_NOISE.sub("", name)), 14)


def devices_text(agents: Sequence[LocalAgent]) -> str:
    """Return the devices of a host's slots in one phrase."""
    found = list(dict.fromkeys(device_text(agent.device, agent.cpu_threads) for agent in agents if agent.device))
    if len(found) <= 1:
        return "".join(found)
    gpus = [_GPU_LABEL.match(text) for text in found]
    if not all(gpus):
        return cut(", ".join(found), 40)
    models = list(dict.fromkeys(each["name"] or "" for each in gpus if each))
    numbers = list(dict.fromkeys(number for each in gpus if each for number in each["numbers"].split(",")))
    return cut(f"{count_text(len(numbers), 'GPU')} {' and '.join(models)}".rstrip(), 40)


def host_text(agents: Sequence[LocalAgent]) -> str:
    """Return what the slots of one host have in common: its process, how it starts runs, its devices."""
    first = agents[0]
    process = f"process {first.host_pid}" if first.host_pid else ""
    return " · ".join(part for part in (process, plain_line(first.starts), devices_text(agents)) if part)


def slot_label(agent: LocalAgent, now: datetime) -> StateLabel:
    """Return how the state of a slot is shown."""
    if agent.state.is_terminal or agent.state is AgentState.STOPPING:
        return agent_label(agent.state)
    if agent.stopping:
        return agent_label(AgentState.STOPPING)
    if agent.draining:
        return StateLabel("◑", "draining", "warn")
    if agent.waits_until is not None and agent.waits_until > now:
        return StateLabel("↻", "retrying", "warn") if agent.run_id else StateLabel("◔", "resting", "warn")
    return agent_label(agent.state)


def saying(agent: LocalAgent, now: datetime) -> tuple[str, str]:
    """Return what has a deadline in a slot, and what its run said last."""
    line = plain_line(agent.last_line)
    if agent.stopping:
        return plain_line(agent.stop_text(now)), line
    if agent.waits_until is None or agent.waits_until <= now or agent.state.is_terminal:
        return "", line
    left = seconds_text((agent.waits_until - now).total_seconds())
    if agent.run_id:
        return f"again in {left}", line
    return f"rests {left}", f"after {_REST_PREFIX.sub('', line)}" if line else ""


def failure_groups(view: AgentsView) -> list[FailureGroup]:
    """Return why runs failed, equal reasons of all slots together, the newest first."""
    found: dict[str, FailureGroup] = {}
    for agent in view.agents:
        for group in agent.failures:
            before = found.get(group.fingerprint)
            if before is None:
                found[group.fingerprint] = group
                continue
            newest = max(before, group, key=lambda each: _began(view, each))
            found[group.fingerprint] = replace(newest, count=before.count + group.count)
    return sorted(found.values(), key=lambda group: (_began(view, group), group.count), reverse=True)


def _began(view: AgentsView, group: FailureGroup) -> float:
    run = view.runs.get(group.run_id)
    return run.created_at.timestamp() if run and run.created_at else 0.0


def panel_lines(view: AgentsView, width: int, *, names_hosts: bool, hint: str = "") -> list[PanelLine]:
    """Return all lines.

    Args:
        view: What to show.
        width: Cells of a line.
        names_hosts: Whether the host is named though there is but one.
        hint: Keys to name at the end.
    """
    hosts: dict[int, list[LocalAgent]] = {}
    for agent in view.shown_agents:
        hosts.setdefault(agent.host_pid, []).append(agent)
    lines: list[PanelLine] = []
    columns = _Columns.of(view, [agent for agents in hosts.values() for agent in agents], width)
    for agents in hosts.values():
        if names_hosts or len(hosts) > 1:
            lines.append(PanelLine(((cut(host_text(agents), width), "muted"),)))
        lines += [columns.line(agent) for agent in agents]
    lines += _failure_lines(view, width)
    if not hosts:
        lines.insert(0, _empty_line(view, width))
    if hint:
        lines.append(PanelLine(((cut(hint, width), "muted"),)))
    return lines


NO_AGENTS = "No agents on this machine work for this sweep."


def _empty_line(view: AgentsView, width: int) -> PanelLine:
    text = cut(NO_AGENTS, width)
    return PanelLine(((text, "muted"), (cut(f" {view.empty_hint}", width - cell_len(text)), "text")))


def _failure_lines(view: AgentsView, width: int) -> list[PanelLine]:
    groups = failure_groups(view)
    if not groups:
        return []
    total = sum(group.count for group in groups)
    reasons = f" for {len(groups)} reasons" if len(groups) > 1 else ""
    lines = [PanelLine(((cut(f"✗ {count_text(total, 'run')} failed{reasons}", width), "bad"),))]
    digits = max(len(str(group.count)) for group in groups)
    room = width - digits - 5 - (32 if width >= _ROOMY else 0)
    texts = [cut(plain_line(group.summary or group.title or group.kind), room) for group in groups[:MAX_FAILURES]]
    column = _widest(texts, room)
    for group, text in zip(groups, texts, strict=False):
        run = view.runs.get(group.run_id)
        name = cut(plain_line(run.name if run else group.run_id), 24)
        last = f"  {'last ' if group.count > 1 else ''}{name}" if width >= _ROOMY else ""
        pieces = ((f"  {group.count:>{digits}} × ", "bad"), (_padded(text, column), "text"), (last, "muted"))
        lines.append(PanelLine(tuple(_clipped(pieces, width)), failure=group.fingerprint))
    if len(groups) > MAX_FAILURES:
        lines.append(PanelLine(((cut(f"  and {len(groups) - MAX_FAILURES} more reasons", width), "muted"),)))
    return lines


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the parts of a slot's line stand, alike for all slots."""

    view: AgentsView
    width: int
    number: int
    device: int
    name: int
    age: int
    counts: int

    @classmethod
    def of(cls, view: AgentsView, agents: Sequence[LocalAgent], width: int) -> _Columns:
        roomy = width >= _ROOMY
        columns = cls(view, width, 0, 0, 0, 0, 0)
        return cls(
            view,
            width,
            number=_widest((str(agent.slot) for agent in agents), 4),
            device=_widest((columns._device(agent) for agent in agents), 20 if roomy else 10) if width >= 60 else 0,
            name=_widest((columns._name(agent) for agent in agents), 32 if roomy else 18),
            age=_widest((columns._age(agent) for agent in agents), 8),
            counts=_widest((columns._counts(agent)[0] + columns._counts(agent)[1] for agent in agents), 24),
        )

    def line(self, agent: LocalAgent) -> PanelLine:
        label = slot_label(agent, self.view.now)
        done, failed = self._counts(agent)
        pieces = [(f"{agent.slot:>{self.number}} ", "muted")]
        if self.device:
            pieces.append((f" {_padded(self._device(agent), self.device)} ", "text"))
        pieces.append((f" {label.glyph} {label.word:<8} ", label.tone))
        run = [(f" {_padded(self._name(agent), self.name)}", "text")] if self.name else []
        run += [(f" {self._age(agent):>{self.age}}", "text")] if self.age else []
        counts = [(f"  {done}", "muted"), (failed + " " * max(self.counts - cell_len(done + failed), 0), "bad")]
        deadline, line = saying(agent, self.view.now)
        room = self.width - _cells([*pieces, *run, *counts])
        if deadline and room < cell_len(deadline) + 2 + (0 if agent.run_id else _MIN_SAYING + 2):
            # A deadline, and why a slot rests, are worth more than counts, and than columns that are empty.
            counts, run = [], run if agent.run_id else []
            room = self.width - _cells([*pieces, *run])
        pieces += [*run, *counts]
        if deadline:
            pieces.append((f"  {deadline}", "warn"))
            room -= cell_len(deadline) + 2
        if line and room >= _MIN_SAYING:
            pieces.append((f"  {cut(line, room - 2)}", "muted"))
        return PanelLine(tuple(_clipped(pieces, self.width)), slot=(agent.host_pid, agent.slot))

    def _device(self, agent: LocalAgent) -> str:
        return device_text(agent.device, agent.cpu_threads if self.width >= _ROOMY else 0)

    def _name(self, agent: LocalAgent) -> str:
        if not agent.run_id:
            return ""
        run = self.view.runs.get(agent.run_id)
        again = f" try {agent.life}" if agent.life > 1 else ""
        return plain_line(run.name if run else agent.run_id) + again

    def _age(self, agent: LocalAgent) -> str:
        return age_text(agent.run_started_at, self.view.now) if agent.run_started_at and agent.run_id else ""

    def _counts(self, agent: LocalAgent) -> tuple[str, str]:
        if self.width >= _ROOMY:
            return f"{agent.runs_done} done", f" {agent.runs_failed} failed" if agent.runs_failed else ""
        return f"✓{agent.runs_done - agent.runs_failed}", f" ✗{agent.runs_failed}" if agent.runs_failed else ""


def _cells(pieces: Iterable[tuple[str, str]]) -> int:
    return sum(cell_len(text) for text, _ in pieces)


def _widest(texts: Iterable[str], limit: int) -> int:
    return min(max(map(cell_len, texts), default=0), limit)


def _padded(text: str, cells: int) -> str:
    text = cut(text, cells)
    return text + " " * (cells - cell_len(text))


def _clipped(pieces: Iterable[tuple[str, str]], width: int) -> list[tuple[str, str]]:
    """Return the pieces that fit, the last one cut: lines never wrap."""
    found: list[tuple[str, str]] = []
    for text, look in pieces:
        text = cut(text, width)
        if text:
            found.append((text, look))
        width -= cell_len(text)
    return found
