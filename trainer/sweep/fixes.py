"""Fixes: for a problem of a sweep, the configurations in which it is gone. Pure; what is wrong, `validation` says.

Which problem has which fixes is decided by its code, here and in the modules named `…_fixes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from trainer.records import Json
from trainer.sweep.command_fixes import COMMAND_FIXES
from trainer.sweep.findings import Violation
from trainer.sweep.fix import Case
from trainer.sweep.fix import Fix as Fix
from trainer.sweep.parameter_fixes import PARAMETER_FIXES
from trainer.sweep.program_fixes import PROGRAM_FIXES
from trainer.sweep.search_fixes import SEARCH_FIXES
from trainer.sweep.stopping_fixes import STOPPING_FIXES
from trainer.sweep.validation import violations, warnings
from trainer.sweep.value_fixes import VALUE_FIXES

FIXES: Mapping[str, Callable[[Case], Iterable[Fix]]] = {
    **SEARCH_FIXES,
    **STOPPING_FIXES,
    **PARAMETER_FIXES,
    **VALUE_FIXES,
    **COMMAND_FIXES,
    **PROGRAM_FIXES,
}
"""What offers the fixes of a problem, by its code."""
_MAX_ROUNDS = 200

Checker = Callable[[Mapping[str, Json]], Sequence[Violation]]


def problems_and_oddities(config: Mapping[str, Json]) -> list[Violation]:
    """Return what `check` finds in a configuration: first what keeps it from running, then what is odd."""
    return [*violations(config), *warnings(config)]


def fixes_for(violation: Violation, config: Mapping[str, Json], check: Checker = problems_and_oddities) -> list[Fix]:
    """Return the fixes of a problem, the likeliest first; none where there is nothing that is meant more likely.

    Every one of them leaves a configuration without this problem.

    Args:
        violation: What is wrong.
        config: The configuration it is wrong in; not changed.
        check: What finds problems, this one too.
    """
    offer = FIXES.get(violation.code)
    if offer is None:
        return []
    fixes: list[Fix] = []
    for fix in offer(Case.of(violation, config)):
        if all(repr(fix.config) != repr(other.config) for other in fixes) and not _is_found(
            violation, check(fix.config)
        ):
            fixes.append(fix)
    return fixes


def obviously_fixed(
    config: Mapping[str, Json], check: Checker = problems_and_oddities
) -> tuple[dict[str, Json], list[tuple[Violation, Fix]]]:
    """Return a configuration with all obvious fixes made, and which these were, in order.

    An obvious fix is one of which nobody would say that something else was meant.
    """
    current = dict(config)
    made: list[tuple[Violation, Fix]] = []
    # Compared as texts: in Python 2 and 2.0 are the same, in a sweep they are not.
    seen = {repr(current)}
    while len(made) < _MAX_ROUNDS:
        found = _first_obvious(current, check)
        if found is None or repr(found[1].config) in seen:
            break
        made.append(found)
        current = found[1].config
        seen.add(repr(current))
    return current, made


def _first_obvious(config: Mapping[str, Json], check: Checker) -> tuple[Violation, Fix] | None:
    for violation in check(config):
        for fix in fixes_for(violation, config, check)[:1]:
            if fix.is_obvious:
                return violation, fix
    return None


def _is_found(violation: Violation, found: Iterable[Violation]) -> bool:
    return any(
        (each.code, each.path, each.message) == (violation.code, violation.path, violation.message) for each in found
    )
