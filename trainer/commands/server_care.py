"""`server status|stop|vacuum|delete-project`: care of the embedded server's data folder, with the server or without."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trainer.commands.options import narrate
from trainer.errors import InputError, NotFoundError
from trainer.settings import Connection, ServerKind

if TYPE_CHECKING:
    from trainer.server.lifecycle import ServerAddress
    from trainer.server.store import Store
    from trainer.server.usage import Usage

_F = TypeVar("_F", bound=Callable[..., Any])
_LONG_SECONDS = 6 * 3600.0
"""A vacuum of a large database takes minutes; the server's answer is waited for."""

_VACUUM = "mutation Vacuum { vacuumServer { bytesBefore bytesAfter } }"
_DELETE = "mutation Delete($id: String!) { deleteModel(input: {id: $id}) { success } }"
_PROJECT = "query Project($entity: String!, $name: String!) { project(entityName: $entity, name: $name) { id } }"


@click.group(short_help="Status and care of the embedded server.")
def server() -> None:
    """Look after the embedded server and its data folder; each command works with the server running or not."""


def _data_dir_option(command: _F) -> _F:
    return click.option(
        "--data-dir", type=click.Path(path_type=Path), help="Folder of the server's database, files and key."
    )(command)


def _yes_option(command: _F) -> _F:
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(command)


@server.command(short_help="Whether it runs, where, and how much it holds.")
@_data_dir_option
@click.option("--json", "as_json", is_flag=True, help="The same as JSON; sizes in bytes.")
def status(data_dir: Path | None, as_json: bool) -> int:
    """Say whether the server runs, where, and how much each project takes on disk."""
    from trainer.server.data_folder import read_record, readable_folder
    from trainer.server.lifecycle import find_running
    from trainer.server.migrations import SCHEMA_VERSION
    from trainer.server.usage import read_usage

    folder = readable_folder(data_dir)
    usage = read_usage(folder)
    record = read_record(folder)
    answers = record is not None and find_running(folder) is not None
    if as_json:
        about: dict[str, object] = {"data_dir": str(folder), "running": record is not None, "answers": answers}
        if record is not None:
            about |= {"base_url": record.base_url, "pid": record.pid, "since": record.since}
        about |= {"known_format": SCHEMA_VERSION, **dataclasses.asdict(usage), "total_bytes": usage.total_bytes}
        click.echo(json.dumps(about, indent=2))
        return 0
    state = "not running"
    if record is not None:
        from trainer.durations import duration_text

        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.since))
        state = f"running at {record.base_url}, process {record.pid}, since {since}"
        state += f" ({duration_text(time.time() - record.since)})" if answers else ", but it does not answer"
    click.echo(f"data folder   {folder}\nserver        {state}")
    _print_usage(usage, SCHEMA_VERSION)
    return 0


def _print_usage(usage: Usage, known_format: int) -> None:
    from trainer.server.usage import size_text

    if usage.format is None:
        click.echo("database      none yet")
        return
    becomes = "" if usage.format == known_format else f", becomes {known_format} at the next start"
    click.echo(f"format        {usage.format}{becomes}")
    parts = [
        ("database", usage.database_bytes),
        ("its log", usage.wal_bytes),
        ("files", usage.files_bytes),
        ("backups", usage.backups_bytes),
        ("server log", usage.logs_bytes),
    ]
    shown = ", ".join(f"{name} {size_text(size)}" for name, size in parts if size)
    click.echo(f"size on disk  {size_text(usage.total_bytes)}: {shown}; {size_text(usage.free_bytes)} free")
    if not usage.projects:
        click.echo("projects      none")
        return
    heads = ("project", "runs", "live", "sweeps", "rows", "rows' size", "files' size")
    about = "about " if usage.are_rows_estimated else ""
    lines = [
        (
            f"{one.entity}/{one.project}",
            *(f"{number:,}" for number in (one.runs, one.live_runs, one.sweeps, one.rows)),
            f"{about}{size_text(one.row_bytes)}",
            size_text(one.file_bytes),
        )
        for one in usage.projects
    ]
    widths = [max(len(line[column]) for line in (heads, *lines)) for column in range(len(heads))]
    click.echo()
    for line in (heads, *lines):
        name, *rest = (text.rjust(width) for text, width in zip(line, widths, strict=True))
        click.echo("  ".join([line[0].ljust(widths[0]), *rest]).rstrip() if name else "")


@server.command(short_help="End it; live runs go on and wait for the next.")
@_data_dir_option
@_yes_option
def stop(data_dir: Path | None, yes: bool) -> int:
    """End the server. Live runs keep working: they hold what they log and send it to the next server on this folder."""
    from trainer.server.data_folder import read_record, readable_folder
    from trainer.server.lifecycle import stop_server
    from trainer.server.usage import read_usage

    folder = readable_folder(data_dir)
    record = read_record(folder)
    if record is None:
        narrate(f"No server runs on {folder}.")
        return 0
    live = read_usage(folder, with_rows=False).live_runs
    if live:
        narrate(
            f"{_counted(live, 'run is', 'runs are')} live. They go on, keep what they log, and try again until a"
            " server runs on this folder: `sweep-tui serve`, or any command that needs it, starts one."
        )
        _confirm("Stop the server?", yes)
    stop_server(folder, timeout_seconds=60)
    narrate(f"The server {record.base_url} (process {record.pid}) has ended.")
    return 0


@server.command(short_help="Give the space of deleted things back to the disk.")
@_data_dir_option
def vacuum(data_dir: Path | None) -> int:
    """Give the space of deleted things back to the disk. Runs that log meanwhile wait; nothing is lost by Ctrl-C."""
    from trainer.server.usage import size_text

    with _opened(data_dir) as door, _patience("vacuum"):
        before, after = door.vacuum()
    click.echo(f"{size_text(before)} before, {size_text(after)} after: {size_text(max(0, before - after))} freed")
    return 0


@server.command("delete-project", short_help="Delete a project with all its runs, sweeps and files.")
@click.argument("project", metavar="[ENTITY/]PROJECT")
@_data_dir_option
@_yes_option
@click.option("--force", is_flag=True, help="Even while runs in it are live; they will have nowhere to log to.")
def delete_project(project: str, data_dir: Path | None, yes: bool, force: bool) -> int:
    """Delete a project with all its runs, sweeps, artifacts and files. There is no way back."""
    from trainer.server.context import DEFAULT_ENTITY
    from trainer.server.data_folder import readable_folder
    from trainer.server.usage import read_usage, size_text

    entity, _, name = project.rpartition("/")
    entity = entity or DEFAULT_ENTITY
    folder = readable_folder(data_dir)
    found = [one for one in read_usage(folder).projects if (one.entity, one.project) == (entity, name)]
    if not found:
        raise NotFoundError(
            f"The server of {folder} has no project {entity}/{name}.", hint="`sweep-tui server status` lists them."
        )
    (doomed,) = found
    if doomed.live_runs and not force:
        raise InputError(
            f"{_counted(doomed.live_runs, 'run', 'runs')} in {entity}/{name} are live.",
            hint="Stop them first, or give --force.",
        )
    narrate(
        f"{entity}/{name}: {_counted(doomed.runs, 'run', 'runs')}, {_counted(doomed.sweeps, 'sweep', 'sweeps')},"
        f" {size_text(doomed.row_bytes)} of rows, {size_text(doomed.file_bytes)} of files."
    )
    _confirm("Delete all of it, for good?", yes)
    with _opened(data_dir) as door, _patience("deleting"):
        door.delete_project(entity, name)
    narrate(f"{entity}/{name} is deleted. `sweep-tui server vacuum` gives its space back to the disk.")
    return 0


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _confirm(question: str, yes: bool) -> None:
    """Ask, unless told not to.

    Raises:
        InputError: If nobody can be asked.
        click.Abort: If the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError(f"{question} Nobody is here to say so.", hint="Give --yes.")
    click.confirm(question, abort=True, err=True)


@contextmanager
def _patience(what: str) -> Iterator[None]:
    """Say that it takes its time, and what Ctrl-C means."""
    narrate(f"{what} … (a large database takes minutes)")
    try:
        yield
    except KeyboardInterrupt:
        narrate("Not waited for. What is done is whole; a server that is at it goes on by itself.")
        raise


class _Door:
    """The way to a data folder's database: through the server that runs on it, or straight to the file."""

    def __init__(self, address: ServerAddress | None, store: Store | None, files_dir: Path) -> None:
        self._address = address
        self._store = store
        self._files_dir = files_dir

    def vacuum(self) -> tuple[int, int]:
        if self._store is not None:
            from trainer.server.vacuum import vacuum as vacuum_store

            return vacuum_store(self._store, self._files_dir)
        sizes = self._ask(_VACUUM)["vacuumServer"]
        return int(sizes["bytesBefore"]), int(sizes["bytesAfter"])

    def delete_project(self, entity: str, name: str) -> None:
        if self._store is not None:
            from trainer.server.deletion import delete_project as delete_from_store

            delete_from_store(self._store, self._files_dir, entity, name)
            return
        found = self._ask(_PROJECT, entity=entity, name=name)["project"]
        if found is not None:
            self._ask(_DELETE, id=found["id"])

    def _ask(self, document: str, **variables: str) -> dict[str, Any]:
        from trainer.tracking.transport import GraphQLTransport

        assert self._address is not None
        connection = Connection(ServerKind.EMBEDDED, self._address.base_url, self._address.api_key, "")
        return GraphQLTransport(connection, _LONG_SECONDS).execute(document, variables, repeatable=False)


@contextmanager
def _opened(data_dir: Path | None) -> Iterator[_Door]:
    """Open the way to a data folder; without a server, the folder is held so that none starts meanwhile."""
    from trainer.server.data_folder import DATABASE_FILE, FILES_FOLDER, prepare_folder, readable_folder, server_lock
    from trainer.server.lifecycle import find_running

    folder = readable_folder(data_dir)
    if not (folder / DATABASE_FILE).exists():
        raise NotFoundError(f"The data folder {folder} holds no database.", hint="Name the right one with --data-dir.")
    address = find_running(folder)
    if address is not None:
        yield _Door(address, None, folder / FILES_FOLDER)
        return
    from trainer.server.store import Store

    with server_lock(prepare_folder(folder)):
        store = Store(folder / DATABASE_FILE)
        try:
            yield _Door(None, store, folder / FILES_FOLDER)
        finally:
            store.close()
