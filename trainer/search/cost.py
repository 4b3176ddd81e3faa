"""What a sweep costs: wall time, finish time and GPU-hours, from what one run takes. Pure, and exact for any size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from trainer.counts import long_count, power_text, short_count
from trainer.durations import short_duration

START_SECONDS = 1.0
"""What a run takes beside what it reports: the interpreter, imports before `wandb.init`, the last upload, the next
order. Measured where a trial was run; this is what small programs take on two cores with warm starts."""
_WIDE = 2.5
"""A middle half of the runs whose ends differ by more than this is worth saying."""
_CALENDAR_DAYS = 3650
"""A finish farther away has no date worth reading."""
_YEAR = 31_556_952
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class RunTime:
    """What one run of a program takes, as far as that is known."""

    seconds: float
    """From the start of the run to its end, as the server tells it: the median."""
    low: float
    """A quarter of the runs took no longer."""
    high: float
    """Three quarters of the runs took no longer."""
    count: int
    """Runs that were measured."""
    source: str
    """`earlier runs` or `a trial`."""
    measured_at: float
    """When the newest of them was, in seconds since the epoch."""
    start_seconds: float = START_SECONDS
    is_whole: bool = True
    """Whether the runs went on to their end; if not, a run takes longer."""
    step_seconds: float | None = None
    """Between two logged rows; None where that is not known."""

    @property
    def wall_seconds(self) -> float:
        """What a slot is busy with one run."""
        return self.seconds + self.start_seconds

    def basis(self) -> str:
        """Return what the estimate rests on: `1.2 s a run, the median of 24 earlier runs (0.8-2.1 s)`."""
        each = f"{'' if self.is_whole else 'at least '}{seconds_text(self.seconds)} a run"
        if self.count == 1:
            return f"{each}, from {self.source.removesuffix('s')}"
        spread = f" ({seconds_text(self.low)} to {seconds_text(self.high)})" if self._is_wide else ""
        return f"{each}, the median of {self.count} {self.source}{spread}"

    @property
    def _is_wide(self) -> bool:
        return self.high > max(self.low, 0.1) * _WIDE


def newest(*known: RunTime | None) -> RunTime | None:
    """Return what was measured last: a program changes, and what it took before the change says little."""
    return max((each for each in known if each is not None), key=lambda each: each.measured_at, default=None)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a sweep takes; None where that cannot be told."""

    runs: int | None
    """Runs there will be; None where nothing ends the sweep."""
    agents: int
    run_time: RunTime | None
    stops_early: bool = False
    """Whether early_terminate may stop runs, so that this is the most it takes."""
    gpus_per_run: int = 0
    budget_seconds: float | None = None
    """No run is begun later than this."""

    @property
    def run_milliseconds(self) -> int | None:
        """What a slot is busy with one run, as a whole number, so that no size of sweep is too large."""
        return None if self.run_time is None else max(round(self.run_time.wall_seconds * 1000), 1)

    @property
    def affordable_runs(self) -> int | None:
        """The runs that are begun: fewer than there are where the budget ends first; None where nothing ends them."""
        each = self.run_milliseconds
        if each is None or self.budget_seconds is None:
            return self.runs
        # A slot begins runs until the budget is used up, and the last of them goes on to its end.
        within = -(-round(self.budget_seconds * 1000) // each) * self.agents
        return within if self.runs is None else min(self.runs, within)

    @property
    def milliseconds(self) -> int | None:
        """From the first run to the end of the last; None where it is not known or there is no end."""
        each, runs = self.run_milliseconds, self.affordable_runs
        if each is None or runs is None:
            return None
        return -(-runs // self.agents) * each

    @property
    def gpu_hours(self) -> Fraction | None:
        """Hours that GPUs are held; None where it is not known, there is no end, or no GPU is used."""
        each, runs = self.run_milliseconds, self.affordable_runs
        if each is None or runs is None or not self.gpus_per_run:
            return None
        return Fraction(runs * each * self.gpus_per_run, 3_600_000)

    def text(self, now: datetime, *, try_hint: str = "try one (f7) to know how long") -> str:
        """Return it in words: `about 14 s with 2 agents, done 14:32 · 0.1 GPU-hours`.

        Args:
            now: The time of day where the reader is.
            try_hint: What to do where nothing is known.
        """
        agents = f"{self.agents} agent{'' if self.agents == 1 else 's'}"
        if self.run_time is None:
            return try_hint
        if self.runs == 0:
            return "nothing to run"
        total = self.milliseconds
        if total is None:
            return f"about {_rate_text(self.run_milliseconds or 1, self.agents)} with {agents}"
        word = "up to" if self.stops_early else "about" if self.run_time.is_whole else "at least"
        parts = [f"{word} {span_text(total // 1000)} with {agents}"]
        if done := finish_text(now, total // 1000):
            parts[0] += f", done {'by ' if self.stops_early else ''}{done}" if self.run_time.is_whole else ""
        affordable = self.affordable_runs
        if affordable is not None and affordable != self.runs and self.budget_seconds:
            of = f" of {short_count(self.runs)}" if self.runs is not None else ""
            plural = "" if affordable == 1 and not of else "s"
            budget = short_duration(self.budget_seconds)
            parts.append(f"its budget of {budget} is enough for {affordable:,}{of} run{plural}")
        if (hours := self.gpu_hours) is not None:
            parts.append(_gpu_text(hours))
        return " · ".join(parts)

    def as_json(self) -> dict[str, object]:
        """Return the object that `plan --json` prints."""
        known, hours, total = self.run_time, self.gpu_hours, self.milliseconds
        return {
            "agents": self.agents,
            "run_seconds": None if known is None else known.seconds,
            "run_seconds_from": None if known is None else known.basis(),
            "seconds": None if total is None else total // 1000,
            "is_at_most": self.stops_early,
            "is_at_least": known is not None and not known.is_whole,
            "gpu_hours": None if hours is None else int(hours) if hours > 10**6 else round(float(hours), 3),
        }


def seconds_text(seconds: float) -> str:
    """Return what a run takes: `0.4 s`, `14 s`, `12 min`."""
    return f"{seconds:.1f} s" if seconds < 10 else span_text(round(seconds))


def span_text(seconds: int) -> str:
    """Return a span of time of any length, as exactly as one would say it: `14 s`, `2 h 10 min`, `3 × 10^9 years`."""
    if seconds < 1:
        return "1 s"
    if seconds < 100:
        return f"{seconds} s"
    if seconds < 100 * _MINUTE:
        return f"{_rounded(seconds, _MINUTE)} min"
    if seconds < 36 * _HOUR:
        hours, minutes = divmod(_rounded(seconds, _MINUTE), 60)
        return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{_rounded(seconds, _HOUR)} h"
    if seconds < 730 * _DAY:
        return f"{_rounded(seconds, _DAY)} days"
    return f"{power_text(_rounded(seconds, _YEAR))} years"


def finish_text(now: datetime, seconds: int) -> str:
    """Return when something ends that takes so long from now: `14:32`, `Tue 02:10`, `3 Dec`; empty if too far off."""
    if seconds > _CALENDAR_DAYS * _DAY:
        return ""
    end = now + timedelta(seconds=seconds)
    days = (end.date() - now.date()).days
    if days == 0:
        return f"{end:%H:%M}"
    if days == 1:
        return f"tomorrow {end:%H:%M}"
    if days < 7:
        return f"{end:%a %H:%M}"
    return f"{end.day} {end:%b}" if end.year == now.year else f"{end.day} {end:%b %Y}"


def _rounded(number: int, unit: int) -> int:
    return (number + unit // 2) // unit


def _rate_text(run_milliseconds: int, agents: int) -> str:
    per_hour = 3_600_000 * agents // run_milliseconds
    if per_hour:
        return f"{long_count(per_hour)} run{'' if per_hour == 1 else 's'} an hour"
    return f"a run every {span_text(run_milliseconds // 1000 // agents)}"


def _gpu_text(hours: Fraction) -> str:
    if hours < Fraction(1, 20):
        return "under 0.1 GPU-hours"
    return f"{float(hours):.1f} GPU-hours" if hours < 100 else f"{power_text(round(hours))} GPU-hours"
