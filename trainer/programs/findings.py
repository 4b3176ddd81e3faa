"""What a sweep's parameters mean to its program: names it refuses, values it refuses or misreads, what it misses.

Pure and quick, for every keystroke; reading the program is `reading`'s. Says only what is sure: where a program takes
names it does not know, or was not read to its end, an unknown name is no problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

from trainer.programs.location import start_command
from trainer.programs.options import Form, ProgramOption, ProgramOptions, Style
from trainer.programs.passing import Macro, Passed, macro_of, passed_parameters
from trainer.programs.suggestions import FILL_IN
from trainer.programs.value_findings import value_remarks
from trainer.records import Json
from trainer.sweep.command import command_of
from trainer.sweep.findings import EnoughFoundError, Findings, Violation, nearest

_BREAKS_EVERY_RUN = ("not valid Python", "notebook", "encoding it claims", "cannot be read:")
"""Parts of what is said of a program that was not read, where Python would not read it either."""


@dataclass(frozen=True, slots=True)
class ProgramFindings:
    """What a program would say to a sweep."""

    problems: tuple[Violation, ...] = ()
    """Every run would fail for them."""
    oddities: tuple[Violation, ...] = ()
    understood: frozenset[str] = frozenset()
    """Paths of parameters whose option is known: general advice on what programs make of values is not needed."""


def program_findings(
    config: Mapping[str, Json], options: ProgramOptions, positions: Mapping[str, int] | None = None
) -> ProgramFindings:
    """Return what is wrong or odd about a sweep, given what its program takes.

    Args:
        config: The sweep configuration.
        options: What was read of its program.
        positions: Line by path, as `SweepFile.positions` has it; None when there is no file.
    """
    judge = _Judge(config, options, Findings(positions), Findings(positions))
    with suppress(EnoughFoundError):
        judge.run()
    return ProgramFindings(
        tuple(judge.problems.in_file_order()), tuple(judge.oddities.in_file_order()), frozenset(judge.understood)
    )


@dataclass
class _Judge:
    config: Mapping[str, Json]
    options: ProgramOptions
    problems: Findings
    oddities: Findings
    understood: set[str] = field(default_factory=set)

    def run(self) -> None:
        options = self.options
        start = start_command(self.config)
        self.macro, self.macro_path = macro_of(self.config)
        self.taken = options.of_command(start.before)
        self.command = options.command_in(start.before)
        self.words = (*start.before, *start.after)
        self.by_name: dict[str, list[ProgramOption]] = {}
        for option in self.taken:
            for name in option.names:
                self.by_name.setdefault(_plain(name, options.style), []).append(option)
        self.known = tuple(name for option in self.taken for name in option.names)
        self.spellings = {name.replace("-", "_").lower(): name for name in reversed(self.known)}
        self.passed = passed_parameters(self.config)
        self._check_blanks()
        if options.style is Style.UNKNOWN:
            for note in options.notes[:1]:
                if any(words in note for words in _BREAKS_EVERY_RUN):
                    self.oddities.add("program", note, "Every run would fail.", code="program-unreadable")
            return
        if not self._check_macro():
            return
        for passed in self.passed:
            self._check(passed)
        self._check_required()

    def _check_blanks(self) -> None:
        """Find what `params` left open for the user."""
        for passed in self.passed:
            if FILL_IN in passed.values:
                self.problems.add(passed.path, f"{passed.name} still says {FILL_IN}.", "Fill it in.", code="fill-in")
        for index, word in enumerate(command_of(self.config)):
            if word == FILL_IN:
                self.problems.add(f"command[{index}]", f"A word still says {FILL_IN}.", "Fill it in.", code="fill-in")

    def _check_macro(self) -> bool:
        """Check how the parameters are handed over; returns whether looking at each of them makes sense."""
        options, macro = self.options, self.macro
        name = options.program
        if macro in (Macro.JSON, Macro.JSON_FILE) or (options.style is Style.TRAINER and macro is not Macro.NONE):
            return options.style is Style.TRAINER
        if macro is Macro.NONE:
            takes_arguments = options.style.takes_flags or options.style.takes_pairs
            if not options.reads_wandb_config and self.passed and takes_arguments:
                self.oddities.add(
                    self.macro_path,
                    f"The command passes no parameters, and {name} takes them as arguments: every run would be alike.",
                    f"Add `{self._best_macro()}` to `command`.",
                    code="program-gets-no-arguments",
                )
            return False
        if options.style.takes_pairs and macro.is_flags:
            where, hint = self.macro_path, "Use ${args_no_hyphens} in `command`."
            message = f"{name} takes name=value, and {macro.value} passes --name=value."
            code = "program-wants-pairs"
            if options.style is Style.HYDRA or (options.is_complete and not options.allows_unknown):
                self.problems.add(where, message, hint, code=code)
            else:
                self.oddities.add(where, message, hint, code=code)
            return False
        refuses_words = options.style in (Style.ARGPARSE, Style.CLICK, Style.TYPER, Style.DATACLASSES)
        if refuses_words and macro.is_pairs:
            if options.is_complete and not options.allows_unknown and not self._takes_words():
                self.problems.add(
                    self.macro_path,
                    f"{name} takes --name=value, and {macro.value} passes name=value.",
                    f"Use {self._best_macro()} in `command`.",
                    code="program-wants-flags",
                )
            return False
        return not (macro.is_pairs and options.style.takes_flags)

    def _best_macro(self) -> str:
        if self.options.style.takes_pairs:
            return "${args_no_hyphens}"
        names = {passed.name for passed in self.passed}
        has_flag = any(option.form.takes_no_value and names & set(option.names) for option in self.taken)
        return "${args_no_boolean_flags}" if has_flag else "${args}"

    def _takes_words(self) -> bool:
        return any(option.form is Form.POSITIONAL for option in self.taken)

    def _check(self, passed: Passed) -> None:
        if self.options.style is Style.TRAINER and passed.leaves:
            for leaf in passed.leaves:
                last = leaf.rpartition(".")[2]
                self._check_name(passed, passed.name if last == "name" else last)
            return
        options = self._check_name(passed, passed.name)
        if not options:
            return
        self.understood.add(passed.path)
        if len(options) > 1:
            # Taken under several conditions, with different values: only what none of them takes is a problem.
            remarks = [list(value_remarks(passed, each, self.options, self.macro)) for each in options]
            if not all(remarks):
                return
            found = remarks[0]
        else:
            found = list(value_remarks(passed, options[0], self.options, self.macro))
        for remark in found:
            sink = self.problems if remark.is_problem and not options[0].is_conditional else self.oddities
            sink.add(passed.path, remark.message, remark.hint, code=remark.code)

    def _check_name(self, passed: Passed, name: str) -> list[ProgramOption]:
        """Return the options that a parameter sets; says what is wrong where there is none."""
        style = self.options.style
        matches = self.by_name.get(_plain(name, style), [])
        if style is Style.HYDRA:
            return self._check_hydra_name(passed, name, matches)
        if not matches:
            off = next((o for o in self.taken if o.off_flag and o.off_flag.removeprefix("--") == name), None)
            if off is not None:
                return [_as_flag(off, name)]
            short_for = self._abbreviated(name)
            if short_for is not None:
                return [short_for]
            self._unknown(passed, name)
            return []
        return self._under_conditions(passed, name, matches)

    def _under_conditions(self, passed: Passed, name: str, matches: list[ProgramOption]) -> list[ProgramOption]:
        """Return those of the options that the other parameters allow; says where there are none."""
        control = matches[0].only_with[0] if matches[0].only_with is not None else ""
        settings = self._settings_of(control) if control else None
        conditions = [set(option.only_with[1]) if option.only_with is not None else set() for option in matches]
        if settings is None or not all(conditions):
            return matches
        left = sorted(settings - set().union(*conditions))
        allowed = [option for option, values in zip(matches, conditions, strict=True) if settings & values]
        if left:
            message = f"{self.options.program} takes no `{name}` when {control} is {' or '.join(left)}."
            sink = self.oddities if allowed else self.problems
            sink.add(passed.path, message, self._near(name, left, control), code="program-not-with")
        return allowed

    def _near(self, name: str, settings: Sequence[str], control: str) -> str:
        names = [o.name for o in self.taken if o.only_with is None or set(settings) & set(o.only_with[1])]
        close = _nearest(name, tuple(names))
        return f"Did you mean `{close}`?" if close else f"Remove it, or choose another {control}."

    def _settings_of(self, control: str) -> set[str] | None:
        """Return the values that the sweep gives an option; its default where the sweep does not name it."""
        for passed in self.passed:
            if passed.name == control:
                return {str(value) for value in passed.values} if passed.values else None
            if control in passed.leaves or f"{control}.name" in passed.leaves or passed.name.endswith(f".{control}"):
                return None
        for word in self.words:
            if word.lstrip("-+").startswith(f"{control}="):
                return {word.partition("=")[2]}
            if word == f"--{control}":
                return None
        default = next((o.default for o in self.taken if o.name == control), None)
        return {default} if isinstance(default, str) else None

    def _unknown(self, passed: Passed, name: str) -> None:
        options = self.options
        if options.style is Style.FIRE:
            name = name.replace("-", "_")
        respelled = self._respelled(name)
        known = self.known
        close = respelled or _nearest(name, known)
        if not options.is_complete:
            if respelled and not options.allows_unknown:
                self._odd_name(passed, f"{options.program} spells `{name}` as `{respelled}`.", respelled)
            return
        if options.style is Style.WANDB_CONFIG:
            self._odd_name(passed, f"{options.program} never reads `{name}` of wandb.config.", close)
            return
        if options.allows_unknown:
            self._odd_name(
                passed, f"{options.program} has no option --{name} that was found; it would be ignored.", close
            )
            return
        hint = self._unknown_hint(passed, name, close, known)
        message = f"{options.program} has no option --{name}, and refuses it."
        self.problems.add(passed.path, message, hint, code="program-unknown-name")

    def _odd_name(self, passed: Passed, message: str, close: str | None) -> None:
        hint = f"Did you mean `{close}`?" if close else "Check the name."
        self.oddities.add(passed.path, message, hint, code="program-unknown-name")

    def _unknown_hint(self, passed: Passed, name: str, close: str | None, known: Sequence[str]) -> str:
        option = next((o for o in self.taken if o.name == name), None)
        if option is not None and option.form is Form.POSITIONAL:
            return "It is a word without a name; write it into `command`, before the parameters."
        if option is not None:
            return f"It has the short flag {option.flags[0]} only, which no macro writes."
        if passed.leaves:
            dotted = [f"{passed.name}.{leaf}" for leaf in passed.leaves if f"{passed.name}.{leaf}" in known]
            flat = [leaf for leaf in passed.leaves if leaf in known]
            if dotted or flat:
                return f"Write `{(dotted or flat)[0]}` at the top level instead of the group."
        if close:
            return f"Did you mean `{close}`?"
        place = self.command_of_name(name)
        if place is not None:
            return f"It belongs to the command `{place}`." if place else "Write it before the command's word."
        listed = ", ".join(known[:8]) + (", …" if len(known) > 8 else "")
        commands = ", ".join(f"`{each}`" for each in list(self.options.commands)[:4])
        nothing = f"Only its commands take options: {commands}." if commands else "It takes no options."
        return f"It takes {listed}." if known else nothing

    def command_of_name(self, name: str) -> str | None:
        """Return the subcommand that has an option of this name, empty for the program itself; None for none."""
        if any(name in option.names for option in self.options.options):
            return "" if self.command else None
        others = [(word, options) for word, options in self.options.commands.items() if word != self.command]
        return next((word for word, options in others if any(name in option.names for option in options)), None)

    def _abbreviated(self, name: str) -> ProgramOption | None:
        """Return the option that argparse takes a name for, since no other begins with it."""
        if not self.options.allows_abbreviations:
            return None
        longs = [each for each in self.known if each.startswith(name)]
        return self.by_name[longs[0]][0] if len(longs) == 1 else None

    def _respelled(self, name: str) -> str | None:
        """Return the option that differs in dashes, underscores or case only."""
        return self.spellings.get(name.replace("-", "_").lower())

    def _check_hydra_name(self, passed: Passed, name: str, matches: list[ProgramOption]) -> list[ProgramOption]:
        program = self.options.program
        mappings = [value for value in passed.values if isinstance(value, dict) and value]
        if passed.leaves or mappings:
            first = f"{passed.name}.{[*passed.leaves, *(key for value in mappings for key in value)][0]}"
            self.problems.add(
                passed.path,
                f"Hydra cannot read the group {name}: it gets {name}={{'…': …}}, with quotes it does not take.",
                f"Write `{first}` at the top level instead of the group.",
                code="program-group",
            )
            return []
        if self.macro is Macro.APPENDED and matches and self.options.is_complete:
            self.problems.add(
                passed.path,
                f"{program} has {name} already, and ${{args_append_hydra}} refuses what is there.",
                "Use ${args_no_hyphens}, or ${args_override_hydra} for both.",
                code="program-wants-pairs",
            )
            return []
        if matches:
            return self._under_conditions(passed, name, matches)
        is_node = any(option.name.startswith(f"{name}.") for option in self.taken)
        if is_node or self.macro is not Macro.PAIRS or not self.options.is_complete or name.startswith("hydra."):
            return []
        parents = [option for option in self.taken if name.startswith(f"{option.name}.")]
        if parents:
            return []
        close = self._respelled(name) or _nearest(name, tuple(option.name for option in self.taken))
        last = next((o.name for o in self.taken if o.name.rpartition(".")[2] == name), None)
        close = last or close
        hint = f"Did you mean `{close}`?" if close else "Use ${args_override_hydra} to add what is not there."
        self.problems.add(
            passed.path, f"{program}'s configuration has no {name}, and refuses it.", hint, code="program-unknown-name"
        )
        return []

    def _check_required(self) -> None:
        given = {_plain(passed.name, self.options.style) for passed in self.passed}
        given |= {f"{passed.name}.{leaf}" for passed in self.passed for leaf in passed.leaves}
        for option in self.taken:
            if not option.is_required or option.is_conditional or option.only_with is not None:
                continue
            if option.form is Form.POSITIONAL:
                self._check_word(option)
            elif not self._is_given(option, given):
                self._missing(option)

    def _is_given(self, option: ProgramOption, given: Iterable[str]) -> bool:
        if any(_plain(name, self.options.style) in given for name in (option.name, *option.names)):
            return True
        heads = [word.lstrip("+").partition("=")[0] for word in self.words]
        return bool({*option.flags, *(f"--{n}" for n in option.names)} & set(heads)) or option.name in heads

    def _missing(self, option: ProgramOption) -> None:
        style = self.options.style
        if style is Style.HYDRA and option.note != "config group":
            self.oddities.add(
                "parameters",
                f"{self.options.program} leaves {option.name} open (???), and nothing sets it.",
                f"Add `{option.name}` to the parameters or the command.",
                code="program-required",
            )
            return
        shown = f"--{option.name}" if style.takes_flags else option.name
        self.problems.add(
            "parameters",
            f"{self.options.program} requires {shown}, and neither the parameters nor the command give it.",
            f"Add `{option.name}:` to the parameters, or write it into `command`.",
            code="program-required",
        )

    def _check_word(self, option: ProgramOption) -> None:
        plain = [word for word in self.words if not word.startswith(("-", "$"))]
        if len(plain) > len(self.command.split()) or any(word.startswith("$") for word in self.words):
            return
        self.problems.add(
            "command",
            f"{self.options.program} requires the word {option.name.upper()}, and the command has none.",
            "Write it into `command`, before the parameters.",
            code="program-required-word",
        )


@lru_cache(maxsize=512)
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    # A millisecond for each name, and the builder asks at every key.
    return nearest(name, known)


def _as_flag(option: ProgramOption, name: str) -> ProgramOption:
    return ProgramOption(
        name, "bool", False, form=Form.FLAG, flags=(f"--{name}",), is_conditional=option.is_conditional
    )


def _plain(name: str, style: Style) -> str:
    """Return a name as it is compared: some parsers take dashes and underscores for the same."""
    return name.replace("-", "_") if style in (Style.TRAINER, Style.FIRE) else name
