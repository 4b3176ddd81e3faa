"""A sweep as JUnit XML, which CI systems show as tests: a case for each run and for each gate."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from trainer.atomic_file import write_text_atomically
from trainer.gates.judging import Verdict
from trainer.records import FailureGroup, RunRecord, SweepRecord
from trainer.states import RunState
from trainer.tracking.leaderboard import best_config

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(
    path: Path,
    sweep: SweepRecord,
    runs: Sequence[RunRecord],
    failures: Sequence[FailureGroup],
    verdicts: Sequence[Verdict],
    problem: str,
    seconds: float,
) -> None:
    """Write the file, whole or not at all.

    Args:
        path: The file.
        sweep: The sweep.
        runs: Its runs; one that was ended on purpose is a skipped case.
        failures: Why runs failed, as far as agents here saw it.
        verdicts: How the gates were decided.
        problem: Why the sweep could not go on; empty if nothing was.
        seconds: How long it took.

    Raises:
        InputError: If the file cannot be written.
    """
    suites = ElementTree.Element("testsuites")
    why = {group.run_id: group for group in failures}
    _suite(suites, f"sweep {sweep.name}", [_run_case(sweep, run, why) for run in runs], seconds)
    cases = [_gate_case(verdict) for verdict in verdicts]
    if problem:
        cases.append(_case("gates", "the sweep went on to its end", 0.0, "failure", problem, problem))
    if cases:
        _suite(suites, f"gates of {sweep.name}", cases, 0.0)
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, encoding="unicode")
    write_text_atomically(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def _suite(parent: ElementTree.Element, name: str, cases: Sequence[ElementTree.Element], seconds: float) -> None:
    counts = {kind: sum(case.find(kind) is not None for case in cases) for kind in ("failure", "skipped")}
    attributes = {
        "name": _clean(name),
        "tests": str(len(cases)),
        "failures": str(counts["failure"]),
        "errors": "0",
        "skipped": str(counts["skipped"]),
        "time": f"{seconds:.3f}",
    }
    ElementTree.SubElement(parent, "testsuite", attributes).extend(cases)


def _run_case(sweep: SweepRecord, run: RunRecord, why: Mapping[str, FailureGroup]) -> ElementTree.Element:
    config = " ".join(f"{key}={value}" for key, value in best_config(sweep, run).items())
    said = f"{config}\n{sweep.run_url(run.id)}".strip()
    seconds = run.duration_seconds or 0.0
    name = f"{run.name} ({run.id})"
    if run.state is RunState.FINISHED:
        return _case(f"sweep.{sweep.name}", name, seconds, "system-out", "", said)
    if run.state.is_failure:
        group = why.get(run.id)
        message = group.summary if group is not None else f"The run {run.state.value}."
        return _case(f"sweep.{sweep.name}", name, seconds, "failure", message, f"{message}\n{said}")
    return _case(f"sweep.{sweep.name}", name, seconds, "skipped", f"The run is {run.state.value}.", said)


def _gate_case(verdict: Verdict) -> ElementTree.Element:
    kind, message = ("system-out", "") if verdict.passed else ("failure", verdict.sentence)
    return _case("gates", verdict.gate, 0.0, kind, message, verdict.sentence)


def _case(classname: str, name: str, seconds: float, kind: str, message: str, text: str) -> ElementTree.Element:
    attributes = {"classname": _clean(classname), "name": _clean(name), "time": f"{seconds:.3f}"}
    case = ElementTree.Element("testcase", attributes)
    child = ElementTree.SubElement(case, kind, {"message": _clean(message)} if message else {})
    child.text = _clean(text)
    return case


def _clean(text: str) -> str:
    """Return a text without the characters that XML has no way to write."""
    return _NOT_XML.sub("\ufffd", text)
