"""Files as clients read them, with signed addresses, and the operations that announce and delete them."""

from __future__ import annotations

import sqlite3

from trainer.server.context import Arguments, RequestContext, RequestError, iso_time, row_id, storage_id
from trainer.server.pages import connection_of, cursor_of, page_size, read_cursor
from trainer.server.plain_lists import PlainList
from trainer.server.tables import files, runs

MAX_ANNOUNCED = 50_000
"""Files of one request: the SDK announces what it finds within 50 ms together (0.31)."""
MAX_ALERT_WAIT = 366 * 86_400_000
"""Milliseconds."""


class FileNode:
    """A file of a run or an artifact."""

    upload_headers: tuple[str, ...] = ()
    upload_multipart_urls = None

    def __init__(self, context: RequestContext, row: sqlite3.Row, shown_name: str | None = None) -> None:
        self._context = context
        self._row = row
        self.name = self.display_name = self.storage_path = shown_name or row["name"]
        self.size_bytes = row["size"] or 0
        self.mimetype = row["mimetype"]
        self.md5 = self.digest = row["md5"]

    def id(self) -> str:
        """Return the storage id."""
        return storage_id("File", self._row["id"])

    def updated_at(self) -> str | None:
        """Return when the bytes last changed."""
        return iso_time(self._row["updated_at"])

    def url(self, upload: bool = False) -> str:
        """Return the signed address: absolute and percent-encoded, else wandb-core drops the file unsaid."""
        path = self._context.signer.path(self._row["id"], self.name, is_writable=upload)
        return self._context.base_url + path

    def direct_url(self) -> str:
        """Return the signed address."""
        return self.url()

    def upload_url(self) -> str | None:
        """Return the signed address to PUT the bytes to; None if they are here already."""
        return self.url(upload=True)


def clean_name(name: str) -> str:
    """Return a run's file name without `./` in front.

    Raises:
        RequestError: If the name is empty, absolute, or climbs out of the run's folder.
    """
    while name.startswith("./"):
        name = name[2:]
    parts = name.replace("\\", "/").split("/")
    if not name or len(name) > 1024 or name.startswith("/") or ".." in parts or "\0" in name:
        raise RequestError(f"{name[:100]!r} cannot name a file of a run.")
    return name


def run_file_count(context: RequestContext, run_id: int) -> int:
    """Return how many files of a run are here."""
    return files.count_of_run(context.connection, run_id)


def run_file_connection(
    context: RequestContext,
    run_id: int,
    names: list[str] | None,
    first: int | None,
    after: str | None,
    pattern: str | None,
) -> dict[str, object]:
    """Return a page of a run's files, by name; of those in `names`, also the ones that are not here."""
    size = page_size(first)
    value = read_cursor(after)[0] if after else ""
    wanted = [clean_name(name) for name in names if name][:500] if names else None
    start = value if isinstance(value, str) else ""
    if wanted:
        rows = files.named_of_run(context.connection, run_id, size + 1, start, wanted)
    else:
        rows = files.page_of_run(context.connection, run_id, size + 1, start, pattern)
    return connection_of(rows, size, lambda row: FileNode(context, row), lambda row: cursor_of(row["name"], row["id"]))


def create_run_files(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Announce files of a run; answer with the addresses to PUT them to."""
    given = Arguments(input)
    names = [clean_name(name) for name in given.texts("files") or []]
    if len(names) > MAX_ANNOUNCED:
        raise RequestError(f"One request announces {MAX_ANNOUNCED:,} files at most, not {len(names):,}.")

    def job(connection: sqlite3.Connection) -> tuple[int, list[sqlite3.Row]]:
        run = _run_of(connection, given)
        return run["id"], files.announce_run_files(connection, run["id"], names)

    run_id, rows = context.write(job)
    nodes = PlainList(FileNode(context, row) for row in rows)
    return {"runID": storage_id("Run", run_id), "uploadHeaders": [], "files": nodes}


def _run_of(connection: sqlite3.Connection, given: Arguments) -> sqlite3.Row:
    path = (*given.owner(), given.required("runName"))
    row = runs.find_by_path(connection, *path)
    if row is None:
        raise RequestError(f"There is no run {'/'.join(path)}.")
    return row


def mark_run_files_uploaded(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Take note; the PUT itself has stored and counted the file."""
    _run_of(context.connection, Arguments(input))
    return {"success": True}


def delete_files(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Delete files of runs, bytes and all."""
    numbers = [row_id("File", identifier) for identifier in Arguments(input).texts("files") or []]

    def job(connection: sqlite3.Connection) -> None:
        for number in numbers:
            files.delete_run_file(connection, number)

    context.write(job)
    for number in numbers:
        if files.by_id(context.connection, number) is None:
            (context.files_dir / str(number)).unlink(missing_ok=True)
    return {"success": True}


def notify_alert(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Keep an alert of a run, unless one with its title was kept within the wait that it asks for."""
    given = Arguments(input)
    title, text, severity = given.required("title"), given.text("text") or "", given.text("severity") or "INFO"
    wait = min(max(given.integer("waitDuration") or 0, 0), MAX_ALERT_WAIT)

    def job(connection: sqlite3.Connection) -> None:
        runs.add_alert(connection, _run_of(connection, given)["id"], title, text, severity, wait * 1000)

    context.write(job)
    return {"success": True}
