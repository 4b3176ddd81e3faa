"""SweepDocument: the one thing that form and YAML of the builder both show. Pure: no widget, no file.

It holds the text as the user has it, the draft that the form edits, and the steps that can be undone. A text that
cannot be read stays as it is typed; the draft is the last one that could be read then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trainer.errors import SweepFileError
from trainer.programs.checking import check_sweep, with_program
from trainer.programs.findings import program_findings
from trainer.programs.options import ProgramOptions
from trainer.records import Json
from trainer.sweep.config import parse_sweep_text
from trainer.sweep.fixes import problems_and_oddities
from trainer.sweep.rule_notes import rule_positions
from trainer.sweep.validation import Violation
from trainer.sweep.yaml_edit import edited, notes_of
from trainer.sweep.yaml_patches import same
from trainer.sweep.yaml_style import styled_yaml
from tui.sweep_draft import SweepDraft

PAUSE_SECONDS = 1.0
"""Keys typed into one field with no longer pause between them are one step to undo."""
MAX_STEPS = 500
TEXT_FIELD = "yaml"
LARGE_TEXT = 40_000
LARGE_ROWS = 400
"""Characters, and parameters, from which reading, judging and writing take longer than between two keys."""
_SOURCE = "The YAML"


@dataclass
class _State:
    """The document between two edits."""

    draft: SweepDraft
    text: str | None
    """None until somebody needs it: an edit of the form is written into the text after a pause in typing."""
    base: str
    """The last text that could be read: what an edit of the form is written into."""
    problem: Violation | None = None

    @property
    def good_text(self) -> str:
        return self.base if self.text is None or self.problem is not None else self.text


@dataclass(frozen=True)
class _Step:
    label: str
    state: _State
    """How it was before the step (to undo), or after it (to redo)."""


@dataclass(frozen=True)
class ReadText:
    """What a typed text says."""

    text: str
    draft: SweepDraft
    """What it says; what was said before, if it cannot be read."""
    problem: Violation | None
    lines: Mapping[str, int] | None
    before: object
    """The state of the document that it was read for."""


class SweepDocument:
    """One sweep: `text`, `draft`, and the way back. Whoever changes the draft says so with `form_edited`."""

    def __init__(self, draft: SweepDraft, text: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Create a document whose text and draft say the same."""
        self.draft = draft
        self._clock = clock
        self._state = _State(draft.copy(), text, text)
        self._undo: list[_Step] = []
        self._redo: list[_Step] = []
        self._field = ""
        self._edited_at = 0.0
        self._origin = text
        """The text before the first of the edits of one field: what it says on the way there costs no comment."""
        self._lines: tuple[str, Mapping[str, int]] | None = None
        self.program: ProgramOptions | None = None
        """What was read of the sweep's program; None as long as nothing was. Whoever reads it, sets it."""
        self.missing_program: Sequence[Violation] = ()
        """What `program_problem` says of it. Whoever looks, sets it."""

    @classmethod
    def from_config(cls, config: Mapping[str, Json], text: str | None = None) -> SweepDocument:
        """Return the document of a configuration, and of the text it was read from, if there is one."""
        if text is None:
            return cls(SweepDraft.from_config(config), styled_yaml(config))
        return cls(SweepDraft.from_config(config, notes_of(text)), text)

    @classmethod
    def from_text(cls, text: str) -> SweepDocument:
        """Return the document of a text; one that cannot be read is shown as it is, beside an empty form."""
        document = cls(SweepDraft.from_config({}), styled_yaml({}))
        document.replace_text(text)
        document._undo.clear()
        return document

    @property
    def is_large(self) -> bool:
        """Whether to read, judge and write it takes longer than a key may; threads do that, on a `snapshot`."""
        return len(self._state.base) > LARGE_TEXT or len(self.draft.rows) > LARGE_ROWS

    @property
    def has_text(self) -> bool:
        """Whether `text` is there at once; after an edit of the form it must be written."""
        return self._state.text is not None

    def snapshot(self) -> SweepDocument:
        """Return the document as it is now, for a thread that asks about it; not to be edited.

        The text that is written for it is the document's as well.
        """
        snapshot = SweepDocument(self._state.draft, self._state.base, clock=self._clock)
        snapshot.draft, snapshot._state, snapshot._lines = self._state.draft, self._state, self._lines
        snapshot.program, snapshot.missing_program = self.program, self.missing_program
        return snapshot

    def is_still(self, snapshot: SweepDocument) -> bool:
        """Return whether nothing has changed since a snapshot was taken."""
        return self._state is snapshot._state and self.program is snapshot.program

    def take_lines(self, snapshot: SweepDocument) -> None:
        """Take over where a snapshot found the values in the text."""
        self._lines = snapshot._lines

    @property
    def step_count(self) -> int:
        """How many steps can be undone."""
        return len(self._undo)

    @property
    def text(self) -> str:
        """The YAML; brought in line with the draft first."""
        state = self._state
        if state.text is None:
            state.text = state.base = edited(state.base, state.draft.config(), state.draft.notes())
        return state.text

    @property
    def text_problem(self) -> Violation | None:
        """Why the text cannot be read; None if it can."""
        return self._state.problem

    def line_of(self, path: str) -> int | None:
        """Return the line of the text, from 1, that holds the value at a path, or the innermost one around it."""
        text = self.text
        if self._lines is None or self._lines[0] != text:
            try:
                positions = parse_sweep_text(text, _SOURCE).positions
                self._lines = (text, {**positions, **rule_positions(self.draft.rules, text)})
            except SweepFileError:
                self._lines = (text, {})
        lines = self._lines[1]
        while path and path not in lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return lines.get(path)

    def line_of_problem(self, problem: Violation) -> int | None:
        """Return the line of the text that a problem is shown at; None if it is found at none."""
        if problem.line is not None:
            return problem.line
        return (problem.path and self.line_of(problem.path)) or (problem.near and self.line_of(problem.near)) or None

    def config(self) -> dict[str, Json]:
        """Return the configuration as stock W&B takes it."""
        return self.draft.config()

    def problems(self) -> list[Violation]:
        """Return everything that keeps the sweep from being launched."""
        if self._state.problem is not None:
            # What the form shows is what the text said before: its problems may be mended already.
            return [self._state.problem]
        found = self.draft.problems()
        if self.program is not None:
            found += program_findings(self.config(), self.program).problems
        paths = {problem.path for problem in found}
        return [*found, *(problem for problem in self.missing_program if problem.path not in paths)]

    def oddities(self) -> list[Violation]:
        """Return what is allowed but seldom meant."""
        if self._state.problem is not None:
            return []
        oddities = self.draft.oddities()
        return oddities if self.program is None else with_program(oddities, self.config(), self.program)

    def check(self, config: Mapping[str, Json]) -> list[Violation]:
        """Return what is wrong or odd about another state of this sweep, as `problems` and `oddities` say it."""
        if self.program is None:
            return problems_and_oddities(config)
        checked = check_sweep(config, self.program)
        return [*checked.problems, *checked.oddities]

    def form_edited(self, label: str, field: str) -> None:
        """Take note that the form changed the draft.

        Args:
            label: What the edit did, as a notice names it: `delete lr`.
            field: What was edited; edits of one field without a pause are one step. Empty for a step of its own.
        """
        if not field or field != self._field:
            self._origin = self.text if self._state.problem is None else self._state.base
        self._begin_step(label, field)
        self._state = _State(self.draft.copy(), None, self._origin)

    def replace_text(self, text: str, label: str = "edit the YAML") -> None:
        """Take over a text that was typed; where it cannot be read, the draft stays and `text_problem` says why."""
        if text != self.text:
            self.take_read(self.read(text), label)

    def read(self, text: str) -> ReadText:
        """Return what a text says, for `take_read`; may be called in a thread."""
        state = self._state
        draft = state.draft
        try:
            file = parse_sweep_text(text, _SOURCE)
            config, notes = file.config, notes_of(text)
            if not same(config, draft.config()) or notes != draft.notes():
                draft = SweepDraft.from_config(config, notes)
                draft.carry_over(state.draft)
            return ReadText(text, draft, None, {**file.positions, **rule_positions(draft.rules, text)}, state)
        except SweepFileError as error:
            return ReadText(text, state.draft, Violation("", error.message, error.hint, error.line), None, state)

    def take_read(self, read: ReadText, label: str = "edit the YAML") -> bool:
        """Take over a text that was read; returns False if the document is another one by now."""
        if read.before is not self._state:
            return False
        if read.text == self._state.text:
            return True
        if read.lines is not None:
            self._lines = (read.text, read.lines)
        self._begin_step(label, TEXT_FIELD)
        base = self._state.good_text if read.problem else read.text
        self._show(_State(read.draft, read.text, base, read.problem))
        return True

    def replace_config(
        self, config: Mapping[str, Json], label: str, notes: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Take over another configuration as one step.

        Args:
            config: The whole configuration.
            label: What that does, as a notice names it: `fix the metric`.
            notes: The builder's notes by path; None keeps those there are, and what is off.
        """
        before = self.draft
        self.draft = SweepDraft.from_config(config, before.notes() if notes is None else notes)
        self.draft.carry_over(before)
        self.form_edited(label, "")

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone step."""
        return bool(self._redo)

    def undo(self) -> str:
        """Take back the last step; returns what it was, empty if there is none."""
        return self._go(self._undo, self._redo)

    def redo(self) -> str:
        """Do the step again that was taken back last; returns what it is, empty if there is none."""
        return self._go(self._redo, self._undo)

    def _go(self, steps: list[_Step], back: list[_Step]) -> str:
        if not steps:
            return ""
        self._settle()
        step = steps.pop()
        back.append(_Step(step.label, self._state))
        self._field = ""
        self._show(step.state)
        return step.label

    def _show(self, state: _State) -> None:
        self._state = state
        self.draft = state.draft.copy()

    def _begin_step(self, label: str, field: str) -> None:
        now = self._clock()
        goes_on = bool(field) and field == self._field and now - self._edited_at <= PAUSE_SECONDS and self._undo
        self._field, self._edited_at = field, now
        self._redo.clear()
        if not goes_on:
            self._settle()
            self._undo.append(_Step(label, self._state))
            del self._undo[:-MAX_STEPS]

    def _settle(self) -> str:
        """Have the text of the state that is left behind: it is shown again when that is undone."""
        return self.text
