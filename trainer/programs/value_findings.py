"""Values that a program would refuse, or take for something else. Which option is meant, `findings` has settled."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass

from trainer.programs.options import Form, ProgramOption, ProgramOptions, Style
from trainer.programs.passing import Macro, Passed
from trainer.programs.suggestions import FILL_IN
from trainer.records import Json
from trainer.sweep.findings import nearest, show


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one parameter."""

    message: str
    hint: str
    code: str
    is_problem: bool
    """Whether every run with such a value fails; else it is odd."""


def value_remarks(passed: Passed, option: ProgramOption, options: ProgramOptions, macro: Macro) -> Iterator[Remark]:
    """Yield what is wrong or odd about the values of a parameter, given the option that takes them."""
    flag = f"--{passed.name}"
    if option.form.takes_no_value:
        yield from _flag_remarks(passed, option, options, macro, flag)
        return
    if passed.leaves:
        is_other = option.kind in ("int", "float", "bool", "json") or option.choices is not None
        if is_other and options.style is not Style.TRAINER:
            yield Remark(
                f"{flag} gets the whole group as one Python text, and takes {_word(option)}.",
                "Write its parameters at the top level.",
                "program-group",
                True,
            )
        return
    if option.exact_count > 1:
        yield Remark(
            f"{flag} takes {option.exact_count} values, and a sweep passes one.",
            "Leave it to the program's default, or write it into `command`.",
            "program-many-values",
            True,
        )
        return
    yield from _bare_true(passed, option, options, macro, flag)
    yield from _none_remarks(passed, option, options, flag)
    yield from _kind_remarks(passed, option, options, flag)
    yield from _choice_remarks(passed, option, options, flag)
    yield from _bound_remarks(passed, option, flag)


def _flag_remarks(
    passed: Passed, option: ProgramOption, options: ProgramOptions, macro: Macro, flag: str
) -> Iterator[Remark]:
    if macro is not Macro.BARE_TRUE:
        shown = passed.values[0] if passed.values else "…"
        yield Remark(
            f"{flag} is a flag that takes no value: {options.program} refuses {flag}={shown}.",
            "Use ${args_no_boolean_flags} in `command`.",
            "program-flag-value",
            True,
        )
        return
    others = [value for value in passed.values if not isinstance(value, bool)]
    if others or not passed.values:
        shown = others[0] if others else "…"
        yield Remark(
            f"{flag} is a flag that takes no value: {options.program} refuses {flag}={shown}.",
            "Write true and false." if option.form is not Form.COUNT else "Leave it to the program's default.",
            "program-flag-not-bool",
            True,
        )
    if option.form is Form.PAIR and option.default is True and False in passed.values:
        hint = f"Name the parameter `{option.off_flag[2:]}`: true then turns it off." if option.off_flag else ""
        yield Remark(
            f"False is passed as nothing, so that {flag} keeps its default, True.", hint, "program-false-lost", False
        )


def _bare_true(
    passed: Passed, option: ProgramOption, options: ProgramOptions, macro: Macro, flag: str
) -> Iterator[Remark]:
    if macro is not Macro.BARE_TRUE or options.style in (Style.TRAINER, Style.FIRE):
        return
    if option.form is Form.VALUE and any(value is True for value in passed.values):
        yield Remark(
            f"${{args_no_boolean_flags}} passes {flag} without a value, and {options.program} expects one.",
            "Use ${args}; or, beside real flags, write the texts 'true' and 'false'.",
            "program-flag-needs-value",
            True,
        )
    elif option.default is True and any(value is False for value in passed.values):
        yield Remark(
            f"False is passed as nothing, so that {flag} keeps its default, True.",
            "Use ${args}; or, beside real flags, write the texts 'true' and 'false'.",
            "program-false-lost",
            False,
        )


def _none_remarks(passed: Passed, option: ProgramOption, options: ProgramOptions, flag: str) -> Iterator[Remark]:
    if None not in passed.values or option.is_nullable or options.style is Style.WANDB_CONFIG:
        return
    if options.style.takes_pairs:
        yield Remark(
            f"None reaches {options.program} as the text `None`; its word for it is null.",
            "Write the text 'null' for it.",
            "program-none",
            option.kind in ("int", "float"),
        )
    elif option.kind in ("int", "float", "json") or (option.choices is not None and "None" not in option.choices):
        yield Remark(
            f"None reaches {options.program} as the text `None`, which {flag} refuses: it takes {_word(option)}.",
            _without_none(option),
            "program-none",
            True,
        )
    elif option.kind in ("str", "path", "any"):
        yield Remark(
            f"None reaches {options.program} as the text `None`.",
            "Let the program read `None`, or leave the option away.",
            "none-as-text",
            False,
        )


def _without_none(option: ProgramOption) -> str:
    if option.default is None:
        return "Leave None out of the values; without the option the program has None by itself."
    return "Leave None out of the values."


def _kind_remarks(passed: Passed, option: ProgramOption, options: ProgramOptions, flag: str) -> Iterator[Remark]:
    if options.style is Style.WANDB_CONFIG:
        return
    if option.any_text_is_true and any(value is False for value in passed.values):
        yield Remark(
            f"False reaches {options.program} as the text `False`, which bool() takes for true.",
            f"Give {flag} action='store_true' and use ${{args_no_boolean_flags}}, or write 0 as ''.",
            "bool-as-text",
            False,
        )
    is_lenient = options.style is Style.TRAINER
    if option.kind == "int" and passed.draws_floats and not is_lenient:
        yield Remark(
            f"{passed.distribution} draws numbers such as 16.0, and {flag} takes whole numbers only.",
            _whole_hint(passed),
            "program-draws-floats",
            True,
        )
    refused = next(
        (value for value in passed.values if value is not None and not _fits(value, option, is_lenient)), None
    )
    if refused is not None:
        yield Remark(
            f"{flag} takes {_word(option)}, not {show(refused)}.", _fit_hint(refused, option), "program-type", True
        )
    elif option.kind in ("str", "path") and any(isinstance(value, list | dict) for value in passed.values):
        yield Remark(
            f"Lists and mappings reach {options.program} as Python texts, not JSON.",
            "Use ${args_json}, or wandb.config.",
            "nested-as-text",
            False,
        )


def _whole_hint(passed: Passed) -> str:
    if passed.distribution == "uniform":
        return "Write `min` and `max` as whole numbers, without a point."
    if passed.distribution.startswith("q_"):
        return "Write `q: 1`, as a whole number."
    return f"Use `distribution: q_{passed.distribution}` with `q: 1`, or list `values`."


def _fits(value: Json, option: ProgramOption, is_lenient: bool) -> bool:
    """Return whether a value, as the text that W&B passes, is of the option's kind."""
    text = str(value)
    try:
        if option.kind == "int":
            if is_lenient:
                return float(text).is_integer()
            int(text)
        elif option.kind == "float":
            float(text)
        elif option.kind == "json":
            json.loads(text)
        elif option.kind == "literal":
            ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, OverflowError):
        # Said by the caller, in words.
        return option.kind == "literal"
    return True


def _fit_hint(value: Json, option: ProgramOption) -> str:
    if isinstance(value, float) and option.kind == "int" and value.is_integer():
        return f"Write {int(value)}."
    if isinstance(value, bool):
        return "Write 0 and 1."
    if isinstance(value, list | dict):
        return (
            "A list cannot be passed in one flag; list single values." if option.kind != "json" else "Quote the JSON."
        )
    return f"Give {_word(option)}."


def _choice_remarks(passed: Passed, option: ProgramOption, options: ProgramOptions, flag: str) -> Iterator[Remark]:
    if option.choices is None or option.kind == "any":
        return
    allowed = {_key(choice) for choice in option.choices}
    values: tuple[Json, ...] = passed.values
    if passed.distribution == "int_uniform" and passed.low is not None and passed.high is not None:
        values = tuple(range(int(passed.low), int(min(passed.high, passed.low + 100)) + 1))
    for value in values:
        if value is None or _key(value) in allowed or value == FILL_IN:
            continue
        names = [str(choice) for choice in option.choices]
        close = nearest(value, names) if isinstance(value, str) else None
        listed = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        yield Remark(
            f"{flag} does not take {show(value)}.",
            f"Did you mean {close}? It takes {listed}." if close else f"It takes {listed}.",
            "program-choice",
            True,
        )
        return


def _key(value: Json) -> object:
    """Return what a choice is compared by: few programs tell 1 from `'1'`."""
    text = str(value)
    try:
        return float(text)
    except ValueError:
        return text


def _bound_remarks(passed: Passed, option: ProgramOption, flag: str) -> Iterator[Remark]:
    numbers = [value for value in passed.values if isinstance(value, int | float) and not isinstance(value, bool)]
    low = min(numbers, default=passed.low)
    high = max(numbers, default=passed.high)
    too_low = low is not None and option.low is not None and _is_beyond(option.low - low, option.is_low_open)
    too_high = high is not None and option.high is not None and _is_beyond(high - option.high, option.is_high_open)
    if too_low or too_high:
        yield Remark(
            f"{flag} takes {_word(option)}, not {show(low if too_low else high)}.",
            "Mend the values." if numbers else "Mend `min` and `max`.",
            "program-out-of-range",
            True,
        )


def _is_beyond(excess: float, is_open: bool) -> bool:
    return excess > 0 or (is_open and excess == 0)


def _word(option: ProgramOption) -> str:
    """Return what an option takes, in words."""
    if option.choices is not None:
        return f"one of {', '.join(map(str, option.choices[:8]))}{', …' if len(option.choices) > 8 else ''}"
    nouns = {"int": "a whole number", "float": "a number", "json": "JSON", "bool": "true or false", "path": "a path"}
    words = nouns.get(option.kind, "a Python value" if option.kind == "literal" else "a text")
    if option.low is not None:
        words += f" {'above' if option.is_low_open else 'from'} {option.low:g}"
    if option.high is not None:
        words += f" {'below' if option.is_high_open else 'up to'} {option.high:g}"
    return words
