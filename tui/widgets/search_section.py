"""SearchSection: what the search is called, how it chooses, what it aims at, and when it stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.sweep.space import run_count
from trainer.sweep.validation import GOALS, METHODS
from trainer.training.metrics import GOALS as TRAINER_GOALS
from tui.bands import bands_picture
from tui.sweep_document import SweepDocument
from tui.widgets.completing_field import CompletingField
from tui.widgets.completing_input import Candidate, CompletingInput, matching
from tui.widgets.form_field import FormField
from tui.widgets.helped_section import HelpedSection
from tui.widgets.quiet_static import QuietStatic

STOP_EARLY = "early_terminate"
_OFF, _HYPERBAND = "off", "hyperband"
_TEXTS = ("name", "description", "project", "metric.name")
_DEFAULTS = {
    "metric.goal": "minimize", "metric.impute": "worst", "metric.impute_while_running": "false",
    f"{STOP_EARLY}.strict": "true",
}  # fmt: skip
"""What W&B takes where a strip has not been touched."""
_HYPERBAND_PATHS = tuple(f"{STOP_EARLY}.{name}" for name in ("min_iter", "max_iter", "s", "eta", "strict"))
_MAX_PICTURE = 90
_BAYES_PATHS = ("metric.impute", "metric.impute_while_running")
_WITHOUT_FIELD = ("entity", "metrics", "scheduler", "controller", "job", "image_uri", "apiVersion", "kind")
"""Keys of a sweep that only its YAML edits."""
METHOD_WORDS: Mapping[str, str] = {
    "grid": "every combination once, in order",
    "random": "each run draws its values anew, whatever the others found",
    "bayes": "draws near what was best so far, by a model of the metric",
    "custom": "a scheduler outside hands out the runs: `scheduler:` in the YAML",
}


class SearchSection(HelpedSection):
    """Name, method, metric, run cap and early stopping."""

    title = "Search"
    help_texts = {
        "name": "How lists call the sweep. Without one the server invents it.",
        "description": "A sentence for whoever finds the sweep next year.",
        "project": "Where its runs are kept. Without one the launch dialog asks.",
        "method": "How the next configuration is chosen.",
        "run_cap": "Runs in all. Without one a grid runs every combination; random and bayes may have no end.",
        "metric.name": "The name under which the program logs what is optimised; ^space lists what was logged before.",
        "metric.goal": "Which way is better. W&B minimizes where nothing is said.",
        "metric.target": "The sweep ends as soon as a run reaches this value.",
        "metric.impute": "What bayes takes for the metric of a run that failed.",
        "metric.impute_while_running": "What bayes takes for a run that has not ended; false leaves it out.",
        STOP_EARLY: "Stop runs that are clearly worse than others were after as many logged values.",
        f"{STOP_EARLY}.min_iter": "The first look, in logged values of the metric; each further one eta times later.",
        f"{STOP_EARLY}.max_iter": "Instead of min_iter: how many values a full run logs; looks are placed before it.",
        f"{STOP_EARLY}.s": "With max_iter: how many looks.",
        f"{STOP_EARLY}.eta": "At each look about the best 1/eta of the runs go on; 3 unless given.",
        f"{STOP_EARLY}.strict": "true judges by the value at the look, false by a run's best value so far.",
    }

    def compose(self) -> ComposeResult:
        """Compose the fields."""
        yield FormField("name", "name", placeholder="how lists call it")
        yield FormField("description", "description", placeholder="what it is for")
        yield FormField("project", "project", placeholder="asked for at the launch")
        yield FormField("method", "method", options=METHODS)
        yield QuietStatic("", id="method-words", classes="field-words", markup=False)
        yield FormField("run_cap", "run cap", placeholder="none: until nothing is left to run")
        with Vertical(classes="section-part"):
            yield CompletingField("metric.name", "metric", placeholder="what the program logs: accuracy")
            yield FormField("metric.goal", "goal", options=GOALS)
            yield FormField("metric.target", "target", placeholder="none: good enough to end the sweep")
            yield FormField("metric.impute", "impute", options=("worst", "best", "latest"))
            yield FormField("metric.impute_while_running", "  running", options=("false", "worst", "best", "latest"))
        with Vertical(classes="section-part"):
            yield FormField(STOP_EARLY, "stop early", options=(_OFF, _HYPERBAND))
            with Vertical(id="hyperband"):
                yield QuietStatic("", id="bands", markup=False)
                yield FormField(f"{STOP_EARLY}.min_iter", "  min_iter", placeholder="first look, in logged values")
                yield FormField(f"{STOP_EARLY}.max_iter", "  max_iter", placeholder="or: a full run, with s")
                yield FormField(f"{STOP_EARLY}.s", "  s", placeholder="how many looks before max_iter")
                yield FormField(f"{STOP_EARLY}.eta", "  eta", placeholder="3: keep the best third")
                yield FormField(f"{STOP_EARLY}.strict", "  strict", options=("true", "false"))
        yield QuietStatic("", id="yaml-keys", classes="section-part")
        yield self.help_line()

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        """Create the section, empty; see `show`."""
        super().__init__(id=id)
        self.logged_metrics: Sequence[str] = ()
        """What earlier runs of the project logged, as far as somebody has looked."""

    async def show(self, document: SweepDocument) -> None:
        """Show the document."""
        await super().show(document)
        self._show_rest()
        # How wide the section is, it learns when it comes to the front, which may be right after this.
        self.call_after_refresh(self._show_bands)

    def on_resize(self) -> None:
        """Draw the bands as wide as there is room."""
        self._show_bands()

    def help_for(self, focused: Widget) -> str:
        """Return a line of help for what has the focus; with the last field, show what stands below it."""
        fields = [field for field in self.query(FormField) if field.display and field.parent and field.parent.display]
        if fields[-1].has_focus_within:
            self.call_after_refresh(self.scroll_end, animate=False)
        return super().help_for(focused)

    def store(self, path: str, text: str) -> None:
        """Take over what was typed into the field of a path."""
        if path in _TEXTS:
            self.draft.set(path, text or None)
        elif path == STOP_EARLY:
            self.draft.set(path, {"type": _HYPERBAND, "min_iter": 3} if text == _HYPERBAND else None)
            for inner in _HYPERBAND_PATHS:
                self.field(inner).show_text(self.text_of(inner))
        elif path in _BAYES_PATHS:
            self.draft.set(path, None if text == _DEFAULTS[path] else text)
        else:
            super().store(path, text)
        self._show_rest()

    def text_of(self, path: str) -> str:
        """Return what the field of a path shows."""
        if path == STOP_EARLY:
            return _HYPERBAND if self.draft.get(path) is not None else _OFF
        return super().text_of(path) or _DEFAULTS.get(path, "")

    def _field_path(self, path: str) -> str:
        return "metric.name" if path == "metric" else super()._field_path(path)

    def _show_rest(self) -> None:
        """Show what follows from the fields."""
        method = self.draft.get("method")
        self.query_one("#method-words", QuietStatic).show(METHOD_WORDS.get(str(method), ""))
        for path in _BAYES_PATHS:
            self.field(path).display = method == "bayes" or self.draft.get(path) is not None
        self.query_one("#hyperband").display = self.draft.get(STOP_EARLY) is not None
        self._show_bands()
        self._show_yaml_keys()

    def _show_bands(self) -> None:
        if self.draft.get(STOP_EARLY) is None:
            return
        config = self.draft.config()
        try:
            runs = run_count(config)
        except SweepConfigError:
            # The count line says why.
            runs = None
        picture = bands_picture(config, runs, min(max(self.size.width - 6, 20), _MAX_PICTURE))
        bands = self.query_one("#bands", QuietStatic)
        bands.display = picture is not None
        if picture is not None:
            bar, counts, logged = picture.lines
            bands.show(
                Content.assemble(
                    (bar, "$accent"),
                    "\n",
                    (counts, "bold"),
                    "\n",
                    (logged, "$foreground-muted"),
                    "\n\n",
                    (picture.words, "$foreground-muted"),
                )  # fmt: skip
            )

    def _show_yaml_keys(self) -> None:
        there = [key for key in _WITHOUT_FIELD if self.draft.get(key) is not None]
        absent = [key for key in _WITHOUT_FIELD if key not in there]
        self.query_one("#yaml-keys", QuietStatic).show(
            Content.assemble(
                ("in the YAML  ", "$foreground-muted"),
                *((f"{key}: {_short(self.draft.get(key))}  ", "") for key in there),
                (f"{'also possible: ' if there else ''}{', '.join(absent)}", "$foreground-muted"),
            )
        )

    @on(CompletingInput.Wanted)
    def _complete_metric(self, message: CompletingInput.Wanted) -> None:
        message.stop()
        candidates = [Candidate(name, "logged before") for name in self.logged_metrics]
        if self._runs_our_trainer:
            ours = [Candidate(name, f"{_better(goal)} is better") for name, goal in TRAINER_GOALS.items()]
            known = {each.text for each in ours}
            candidates = [*ours, *(each for each in candidates if each.text not in known)]
        message.box.offer(candidates if message.is_asked else matching(candidates, message.text))

    @on(CompletingInput.Taken)
    def _metric_taken(self, message: CompletingInput.Taken) -> None:
        """Set the goal with a metric whose better direction is known."""
        message.stop()
        goal = TRAINER_GOALS.get(message.candidate.text) if self._runs_our_trainer else None
        self.draft.set("metric.name", message.candidate.text)
        if goal is not None:
            self.draft.set("metric.goal", goal)
            self.field("metric.goal").show_text(goal)
        self.tell_changed("choose the metric")

    @property
    def _runs_our_trainer(self) -> bool:
        command = self.draft.get("command")
        return isinstance(command, list) and "trainer" in command


def _better(goal: str) -> str:
    return "more" if goal == "maximize" else "less"


def _short(value: Json) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, dict) else str(value)
    return text if len(text) <= 24 else f"{text[:23]}…"
