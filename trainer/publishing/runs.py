"""Publishes one run: attributes, rows, console, files, end. Done again, it sends what is missing and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainer.errors import ServerError, ServerLostError
from trainer.publishing.run_facts import RunFacts, StoredFile, ended_alike, ending, marked, other_name
from trainer.publishing.source import Source
from trainer.publishing.target import CONSOLE, EVENTS, HISTORY, SUMMARY, Target
from trainer.publishing.transfer import transfer
from trainer.states import RunState

FILES_PER_REQUEST = 200


@dataclass(frozen=True, slots=True)
class Planned:
    """A run to be published, and where it goes."""

    run: RunFacts
    files: tuple[StoredFile, ...]
    key: str
    content: str
    name: str
    """Its id there."""
    there: RunFacts | None
    """What is there of it."""

    @property
    def is_done(self) -> bool:
        """Whether all of it is there."""
        return self.there is not None and self.there.published_content == self.content


def plan_run(source: Source, name: str, known: RunFacts | None, find: Callable[[str], RunFacts | None]) -> Planned:
    """Return what there is to do about a run.

    Args:
        source: Where it is.
        name: Its id.
        known: The run of that id at the target, if there is one.
        find: Looks for another id there.

    Raises:
        ServerError: If its own id and the one it would have instead are both taken there.
    """
    run = source.run(name)
    files = tuple(source.files(name))
    key = run.key(source.reference)
    content = run.digest(files)
    if known is None or known.origin == key:
        # Without one of its own id, it may have been given the other one while that was taken.
        other = find(other_name(name, key)) if known is None else None
        if other is not None and other.origin == key:
            return Planned(run, files, key, content, other.name, other)
        return Planned(run, files, key, content, name, known)
    other = find(other_name(name, key))
    if other is not None and other.origin != key:
        raise ServerError(
            f"The run ids {name} and {other.name} are both taken by other runs.", hint="Choose another --project."
        )
    return Planned(run, files, key, content, other_name(name, key), other)


class RunPublisher:
    """Publishes runs into one sweep."""

    def __init__(self, source: Source, target: Target, sweep_id: str, on_bytes: Callable[[int], object]) -> None:
        self._source = source
        self._target = target
        self._sweep_id = sweep_id
        self._on_bytes = on_bytes

    def begin(self, planned: Planned) -> tuple[str, str]:
        """Make a run, or give one that is there its attributes; return its id there, and its storage id.

        Servers list runs in the order in which they were made.
        """
        there = planned.there
        if there is None:
            return self._make(planned)
        config = marked(planned.run.config, planned.key, None)
        self._target.change_run(there.storage_id, self._sweep_id, planned.run, config)
        return there.name, there.storage_id

    def fill(self, planned: Planned, name: str, storage_id: str) -> None:
        """Send what a run that was begun lacks, and end it as its source ended."""
        run, there, target = planned.run, planned.there, self._target
        sent = (0, 0, 0) if there is None else (there.history_lines, there.events_lines, there.console_lines)
        if there is not None:
            has_news = sent != (run.history_lines, run.events_lines, run.console_lines)
            if there.is_over and (has_news or not ended_alike(there.state, run.state)):
                target.reopen_run(name)
                there = None
        self._send(run, name, sent)
        self._send_files(planned, name)
        if there is None or not ended_alike(there.state, run.state):
            self._end(run, name, storage_id)
        target.change_run(storage_id, self._sweep_id, run, marked(run.config, planned.key, planned.content))

    def _make(self, planned: Planned) -> tuple[str, str]:
        run, target = planned.run, self._target
        config = marked(run.config, planned.key, None)
        try:
            return planned.name, target.begin_run(planned.name, self._sweep_id, run, config)
        except ServerLostError:
            raise
        except ServerError as error:
            # W&B gives the id of a deleted run to nobody again.
            other = other_name(run.name, planned.key)
            if "deleted" not in error.message.lower() or planned.name == other:
                raise
            return other, target.begin_run(other, self._sweep_id, run, config)

    def _send(self, run: RunFacts, name: str, sent: Sequence[int]) -> None:
        source, target = self._source, self._target
        # Rows first: one that begins at line 0 of a run that has other rows would start the run over.
        self._on_bytes(target.send_lines(name, HISTORY, source.history(run, sent[0])))
        self._on_bytes(target.send_lines(name, EVENTS, source.events(run, sent[1])))
        self._on_bytes(target.send_lines(name, CONSOLE, source.console(run, sent[2])))
        target.stream(name, {"files": {SUMMARY: {"offset": 0, "content": [run.summary]}}})

    def _send_files(self, planned: Planned, name: str) -> None:
        there = {file.content for file in self._target.files(name)}
        missing = [file for file in planned.files if file.content not in there]
        for start in range(0, len(missing), FILES_PER_REQUEST):
            part = missing[start : start + FILES_PER_REQUEST]
            urls, headers = self._target.announce_files(name, [file.name for file in part])
            for file in part:
                if file.name not in urls:
                    raise ServerError(f"{self._target.link.connection.label} has no place for {file.name} of {name}.")
                transfer(self._source.link, file, self._target.link, urls[file.name], headers, self._on_bytes)

    def _end(self, run: RunFacts, name: str, storage_id: str) -> None:
        last = ending(run)
        if last is None:
            return
        if run.state is RunState.KILLED:
            self._target.stop_run(storage_id)
        self._target.stream(name, last)
