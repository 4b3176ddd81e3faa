"""The builder's problems: going from one to the next, and fixing them with one key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, getters, on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import get_current_worker

from trainer.records import Json
from trainer.sweep.fixes import Fix, fixes_for
from trainer.sweep.validation import Violation
from tui.screens.builder_judging import BuilderJudging
from tui.screens.builder_shell import WIDE
from tui.sweep_document import SweepDocument
from tui.widgets.builder_section import BuilderSection
from tui.widgets.problem_line import ProblemLine
from tui.widgets.violations_list import ViolationsList, place_text

FIXING = "fixing"


class BuilderProblems(BuilderJudging):
    """Shows the problem that is next with its fixes; errors come before what is only odd."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f3", "next_problem", "Next problem", id="builder.problem", show=False, tooltip="Go to the next problem"
        ),
        Binding("f4", "fix(0)", "Fix", id="builder.fix", show=False, tooltip="Fix the problem shown above the keys"),
    ]

    problem_line = getters.query_one(ProblemLine)
    _visited: Violation | None = None
    _fixes: tuple[Violation, SweepDocument, Sequence[Fix]] | None = None
    """The fixes of a problem of a large sweep, as a thread found them."""

    @dataclass
    class FixesFound(Message):
        """A thread knows how a problem of a large sweep can be fixed."""

        problem: Violation
        snapshot: SweepDocument
        fixes: Sequence[Fix]

    @property
    def found(self) -> Sequence[Violation]:
        """Problems, then what is odd."""
        return [*self.problems, *self.oddities]

    @property
    def current_problem(self) -> Violation | None:
        """The problem gone to last, as long as it is there; else the first."""
        found = self.found
        return self._visited if self._visited in found else found[0] if found else None

    def show_judged(self, problems: Sequence[Violation]) -> None:
        """Show what is wrong; what is solved is not shown a moment longer, beside words that say the sweep is ready."""
        super().show_judged(problems)
        self.problem_line.drop_solved(self.problems)
        if not self.problems:
            self.problems_list.show((), self.oddities)

    def show_checked(self) -> None:
        """Show what is wrong and odd, the problem that is next too."""
        super().show_checked()
        self.call_next(self.show_problem)

    async def show_problem(self) -> None:
        """Show the problem that is next, with its fixes."""
        problem = self.current_problem
        if problem is None:
            await self.problem_line.show(None)
            return
        fixes = [fix.label for fix in self._fixes_at_hand(problem)]
        self.problems_list.mark(problem)
        await self.problem_line.show(
            problem,
            is_error=problem in self.problems,
            place=self._place(problem),
            fixes=fixes,
            # Not the class `-wide`: that comes after the first problems.
            is_listed=self.app.size.width >= WIDE,
        )

    def on_resize(self, _: events.Resize) -> None:
        """Say as much as there is room for."""
        self.call_after_refresh(self.show_problem)

    def _place(self, problem: Violation) -> str:
        """Return where a problem is; with its section if another one is in front."""
        owner = next((section for section in self.query(BuilderSection) if section.owns(problem.path)), None)
        place = place_text(problem.path)
        return place if owner is None or owner is self.section else f"{owner.title} › {place}"

    def _fixes_of(self, problem: Violation) -> Sequence[Fix]:
        if self._fixes is not None and self._fixes[0] == problem and self.document.is_still(self._fixes[1]):
            return self._fixes[2]
        return fixes_for(problem, self.document.config(), self.check)

    def _fixes_at_hand(self, problem: Violation) -> Sequence[Fix]:
        """Return the fixes of a problem; of a large sweep none until a thread has found them."""
        found = self._fixes
        known = found is not None and found[0] == problem and self.document.is_still(found[1])
        if self.document.is_large and not known:
            self.find_fixes(problem, self.document.snapshot())
            return ()
        return self._fixes_of(problem)

    @work(thread=True, exclusive=True, exit_on_error=False, group=FIXING, description="find fixes")
    def find_fixes(self, problem: Violation, snapshot: SweepDocument) -> None:
        """Try what may fix a problem: each attempt is judged as a whole."""
        fixes = fixes_for(problem, snapshot.config(), snapshot.check)
        if not get_current_worker().is_cancelled:
            self.post_message(self.FixesFound(problem, snapshot, fixes))

    @on(FixesFound)
    async def _fixes_found(self, message: FixesFound) -> None:
        self._fixes = (message.problem, message.snapshot, message.fixes)
        if message.fixes and self.document.is_still(message.snapshot) and message.problem == self.current_problem:
            await self.show_problem()

    def check(self, config: Mapping[str, Json]) -> list[Violation]:
        """Return what is wrong or odd about a configuration."""
        return self.document.check(config)

    @on(ViolationsList.Highlighted)
    async def _problem_highlighted(self, message: ViolationsList.Highlighted) -> None:
        self._visited = message.violation
        await self.show_problem()

    @on(ProblemLine.GoRequested)
    async def _problem_clicked(self) -> None:
        if problem := self.current_problem:
            await self._visit(problem)

    @on(ProblemLine.FixChosen)
    async def _fix_clicked(self, message: ProblemLine.FixChosen) -> None:
        await self.action_fix(message.index)

    async def action_next_problem(self) -> None:
        """Go to the next problem; after the last one, to the first."""
        found = self.found
        if not found:
            self.notify("There is no problem.", timeout=2)
            return
        index = found.index(self._visited) + 1 if self._visited in found else 0
        await self._visit(found[index % len(found)])

    async def go_to_first_problem(self) -> None:
        """Go to the problem that stands first."""
        if self.problems:
            await self._visit(self.problems[0])

    async def _visit(self, problem: Violation) -> None:
        self._visited = problem
        await self.go_to(problem.path)
        await self.show_problem()

    async def action_fix(self, index: int) -> None:
        """Make a fix of the problem that is shown: the likeliest, or another one by its number."""
        problem = self.current_problem
        if problem is None:
            self.notify("There is no problem to fix.", timeout=2)
            return
        fixes = self._fixes_of(problem)
        if index >= len(fixes):
            text = f"{problem.message} {problem.hint}".strip()
            self.notify(text, title="No fix is obvious here", severity="warning", markup=False, timeout=5)
            await self._visit(problem)
            return
        self._visited = None
        self.apply_config(fixes[index].config, fixes[index].label.lower())
        if len(self.found) == 1:
            # While there is more to fix, the line says so, and a notice would cover it.
            self.notify("ctrl+z takes it back", title=fixes[index].label, timeout=3, markup=False)
