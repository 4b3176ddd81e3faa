"""BuilderCost: what the sweep takes, beside how many runs it has. A feature of `SweepBuilderScreen`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from textual import events, on, work
from textual.message import Message
from textual.worker import get_current_worker

from trainer.durations import parse_duration
from trainer.errors import InputError
from trainer.records import Json
from trainer.search.cost import Cost, RunTime
from trainer.sweep.program_key import program_key
from tui.launch_choice import LaunchChoice, default_agents
from tui.screens.builder_launching import BuilderLaunching
from tui.sweep_count import CountText, Part, one_line

LEARNING = "learning_run_time"
TALL = 30
"""Lines of a screen from which the cost has one of its own; the app's class `-tall` comes after the first count."""


class BuilderCost(BuilderLaunching):
    """Learns what runs of the program took, whenever it is another program, and says what the sweep takes."""

    _run_time: RunTime | None = None
    _gpus = 0
    _learnt_of: tuple[str, Json] = ("", None)
    """The program and project whose runs `_run_time` is about."""

    @dataclass
    class RunTimeLearned(Message):
        """It is known what runs of the program took, or that nothing is known of it."""

        learnt_of: tuple[str, Json]
        run_time: RunTime | None
        gpus: int

    @property
    def cost_agents(self) -> int:
        """The agents to estimate for: as many as were launched last."""
        text = self.last_choices.get("agents", "").strip()
        return max(int(text), 1) if text.isdecimal() and len(text) < 5 else default_agents()

    def cost_of(self, count: CountText) -> Cost:
        """Return what the sweep takes as it is now."""
        per_run = self.last_choices.get("gpus_per_run", "").strip()
        gpus = int(per_run) if per_run.isdecimal() and len(per_run) < 5 else 1
        budget = self.last_choices.get("budget", "").strip()
        return self._cost(count.runs, self.cost_agents, gpus, _seconds(budget))

    def _cost(self, runs: int | None, agents: int, gpus: int, budget_seconds: float | None) -> Cost:
        stops_early = isinstance(self.document.draft.get("early_terminate"), Mapping)
        return Cost(runs, agents, self._run_time, stops_early, gpus if self._gpus else 0, budget_seconds)

    def launch_estimate(self, choice: LaunchChoice, prior_points: int) -> str:
        """Return what the sweep takes if it is launched like this, in words; empty where nobody knows."""
        if self._run_time is None or choice.agents == 0:
            return ""
        per_run = choice.gpus_per_run or 1
        agents = choice.agents or max(self._gpus * (choice.slots_per_gpu or 1) // per_run, 1)
        runs = choice.runs(self.document.config(), prior_points)
        return self._cost(runs, agents, 0 if choice.gpus == "none" else per_run, _seconds(choice.budget)).text(
            datetime.now()
        )

    def count_parts(self, count: CountText) -> list[tuple[str, str]]:
        """Return the count, what it costs, and what is odd about it; on two lines where there is room."""
        parts = super().count_parts(count)
        if not count.is_countable:
            return parts
        warning = [(f"⚠ {count.warning}", "$warning")] if count.warning else []
        cost = (self.cost_of(count).text(datetime.now()), "$foreground-muted")
        if self.size.height >= TALL:
            return [*parts, ("\n", ""), cost, *([("   ", ""), *warning] if warning else [])]
        extra = [Part(text, cost[1], 2 if self._run_time else 9) for text in cost[0].split(" · ")]
        extra += [Part(text, style, 0) for text, style in warning]
        return [parts[0], *one_line(count, extra, self.query_one("#count").size.width - cell_len(parts[0][0]))]

    def on_resize(self, _: events.Resize) -> None:
        """Use the lines that there are."""
        self.call_after_refresh(self.show_count)

    def show_preview(self) -> None:
        """Look for what runs took where the program is another one."""
        super().show_preview()
        config = self.document.config()
        about = (program_key(config), config.get("project"))
        if about != self._learnt_of:
            self._learnt_of = about
            self.learn_run_time(config, about)

    def forget_run_time(self) -> None:
        """Have it looked for again: there is something new to know."""
        self._learnt_of = ("", None)
        self.show_preview()

    @work(thread=True, exclusive=True, exit_on_error=False, group=LEARNING, description="learn run time")
    def learn_run_time(self, config: Mapping[str, Json], about: tuple[str, Json]) -> None:
        """Ask what runs of the program took; starts no server."""
        gpus = self.session.count_gpus()
        run_time = self.session.run_time(config)
        if not get_current_worker().is_cancelled:
            self.post_message(self.RunTimeLearned(about, run_time, gpus))

    @on(BuilderLaunching.ChoicesRecalled)
    def _agents_known(self) -> None:
        self.show_count()

    @on(RunTimeLearned)
    def _run_time_learned(self, message: RunTimeLearned) -> None:
        if message.learnt_of == self._learnt_of:
            self._run_time, self._gpus = message.run_time, message.gpus
            self.show_count()


def _seconds(text: str) -> float | None:
    """Return a duration that was typed; None where there is none, or none that can be read."""
    try:
        return parse_duration(text) if text else None
    except InputError:
        return None
