"""RunOriginPane: where a run comes from and how to run it again: shown, copied, written. A mixin of `RunScreen`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on, work
from textual.binding import Binding, BindingType
from textual.message import Message

from trainer.atomic_file import write_text_atomically
from trainer.errors import TrainerError
from trainer.records import RunRecord, SweepRecord
from trainer.run_contents import RunFile, RunOrigin
from tui.clipboard import clipboard_hint, clipboard_takes
from tui.console_lines import diff_shown
from tui.formatting import count_text, size_text
from tui.screens.run_changing import RunChanging
from tui.widgets.run_provenance import RunProvenance

if TYPE_CHECKING:
    from trainer.tracking.reproduction import Reproduction

ORIGIN = "run_origin"
DIFF, REQUIREMENTS = "diff.patch", "requirements.txt"


class RunOriginPane(RunChanging):
    """Reads where a run comes from."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("D", "show_diff", "Diff", id="run.diff", tooltip="The changes that were not committed, large"),
    ]  # fmt: skip

    origin_pane = getters.query_one("#origin", RunProvenance)
    run: RunRecord
    sweep: SweepRecord
    environ: Mapping[str, str] = os.environ
    """The environment, which knows the terminal."""

    @dataclass
    class OriginRead(Message):
        """Where the run comes from, with those of its files that tell of it; or why that is not known."""

        origin: RunOrigin
        files: Sequence[RunFile]
        diff: str | None = None
        problem: str = ""
        is_for_copy: bool = False

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self._origin: RunOrigin | None = None
        self._origin_files: Sequence[RunFile] = ()
        self._origin_of_end = False
        """Whether it was read after the run had ended: some files come only then."""

    def read_origin_if_needed(self) -> None:
        """Read it, once while the run goes on and once when it has ended."""
        if self._origin is None or (self.run.state.is_terminal and not self._origin_of_end):
            if self._origin is None:
                self.origin_pane.say("reading…")
            self.read_origin(for_copy=False)

    @work(thread=True, exclusive=True, exit_on_error=False, group=ORIGIN, description="origin")
    def read_origin(self, *, for_copy: bool) -> None:
        """Read where the run comes from, and the changes that were not committed."""
        reference, run_id = self.reference, self.run.id
        try:
            origin = self.session.read_origin(reference, run_id)
            files = self.session.read_files(reference, run_id, (DIFF, REQUIREMENTS))
            diff = next((self.session.read_text(file)[0] for file in files if file.name == DIFF), None)
        except TrainerError as error:
            self.post_message(self.OriginRead(RunOrigin(), (), problem=str(error)))
        else:
            self.post_message(self.OriginRead(origin, files, diff, is_for_copy=for_copy))

    @on(OriginRead)
    def _origin_read(self, message: OriginRead) -> None:
        if message.problem:
            self.origin_pane.say(f"✗ {message.problem}")
            return
        self._origin, self._origin_files = message.origin, message.files
        self._origin_of_end = self.run.state.is_terminal
        self.offer_keys()
        self.show_origin()
        if message.diff:
            lines = diff_shown(message.diff)
            changed = sum(line.startswith("diff --git") for line in lines.texts)
            added = sum(look.look == "added" for look in lines.looks.values())
            removed = sum(look.look == "removed" for look in lines.looks.values())
            self.origin_pane.show_changes(lines, f"{count_text(changed, 'file')}, +{added:,} −{removed:,}")
        if message.is_for_copy:
            self.action_copy_command()

    def show_origin(self) -> None:
        """Show where it comes from, if that is known."""
        if self._origin is not None:
            found = self._reproduction()
            self.origin_pane.show(found.lines, self._remark(found), self._blocks(self._origin))

    def _reproduction(self) -> Reproduction:
        # Imported when first needed: yaml's writer and shell quoting are not for the first paint.
        from trainer.tracking.reproduction import reproduction

        assert self._origin is not None
        connection = self.session.connect()
        base_url = "" if self.session.why_read_only else connection.base_url
        return reproduction(self.sweep, self.run, self._origin, base_url=base_url, has_diff=self.has_diff)

    def _remark(self, found: Reproduction) -> str:
        keys = "c copies this, w writes it to a file."
        if not found.is_exact:
            keys += " The arguments follow from the sweep: the program did not tell them."
        return keys

    def _blocks(self, origin: RunOrigin) -> dict[str, dict[str, str]]:
        from trainer.exports.origin import origin_of

        run, by_name = self.run, {file.name: file for file in self._origin_files}
        commit = origin.git_commit or origin_of(run).commit
        diff = by_name.get(DIFF)
        changes = f"{size_text(diff.size)}, D shows them large" if diff else ""
        if commit and not diff:
            changes = "not kept; WANDB_SAVE_CODE=true has the SDK keep them"
        requirements = by_name.get(REQUIREMENTS)
        machine = [f"{origin.cpus} CPUs" if origin.cpus else "", size_text(origin.memory) if origin.memory else ""]
        started = run.created_at or origin.started_at
        return {
            "Source": {
                "branch": origin_of(run).branch,
                "commit": commit,
                "remote": origin.git_remote,
                "commit page": commit_page(origin.git_remote, commit),
                "changes": changes,
                "program": origin.program,
                "folder": origin.folder,
                "requirements": f"{size_text(requirements.size)}, in {REQUIREMENTS} (3 files)" if requirements else "",
            },
            "Machine": {
                "host": origin.host or run.host,
                "user": origin.user,
                "system": origin.os,
                "python": " ".join(part for part in (origin.python, origin.executable) if part),
                "wandb": origin.wandb_version,
                "hardware": ", ".join(part for part in (*machine, origin.gpu) if part),
            },
            "Run": {
                "id": run.id,
                "page": self.sweep.run_url(run.id),
                "sweep": f"{self.sweep.name} ({self.sweep.reference})",
                "agent": origin.agent,
                "job type": run.job_type,
                "group": run.group,
                "tags": ", ".join(run.tags),
                "notes": run.notes,
                "started": started.astimezone().strftime("%Y-%m-%d %H:%M:%S") if started else "",
                "exit code": "" if origin.exit_code is None else str(origin.exit_code),
            },
        }

    def action_copy_command(self) -> None:
        """Copy how to run it again; where the terminal has no clipboard, write it to a file."""
        if self._origin is None:
            self.read_origin(for_copy=True)
            return
        found = self._reproduction()
        text = "\n".join(found.lines)
        if not clipboard_takes(text, self.environ):
            self.write_command()
            return
        self.app.copy_to_clipboard(text)
        said = text + clipboard_hint(self.environ)
        self.notify(said, title=f"Copied: how to run {self.run.name} again", timeout=6, markup=False)

    @property
    def has_diff(self) -> bool:
        """Whether the run kept the changes that were not committed."""
        return any(file.name == DIFF for file in self._origin_files)

    def write_command(self) -> None:
        """Write how to run it again to a file."""
        if self._origin is None:
            return
        path = self.session.cwd / f"reproduce-{self.run.id}.sh"
        script = self._reproduction().script

        def write() -> None:
            write_text_atomically(path, script)
            path.chmod(0o755)

        self.in_background(write, f"Written to {path}.")

    def action_show_diff(self) -> None:
        """Show the changes large."""
        from tui.screens.file_preview import FilePreviewScreen

        diff = next((file for file in self._origin_files if file.name == DIFF), None)
        if diff is not None:
            preview = FilePreviewScreen(self.session, diff, self.run.name, self.reference.project)
            self.app.push_screen(preview)


def commit_page(remote: str, commit: str) -> str:
    """Return the page of a commit, for remotes of hosts whose addresses are known; empty for others."""
    address = remote.strip().removesuffix(".git")
    if address.startswith("git@") and ":" in address:
        host, _, path = address.removeprefix("git@").partition(":")
        address = f"https://{host}/{path}"
    elif address.startswith("ssh://git@"):
        address = f"https://{address.removeprefix('ssh://git@')}"
    host = address.removeprefix("https://").partition("/")[0].rpartition("@")[2]
    if not commit or not address.startswith("https://"):
        return ""
    path = address.removeprefix("https://").partition("/")[2]
    if host == "github.com" or host.startswith(("gitea.", "codeberg.")):
        return f"https://{host}/{path}/commit/{commit}"
    if host == "bitbucket.org":
        return f"https://{host}/{path}/commits/{commit}"
    return f"https://{host}/{path}/-/commit/{commit}" if host.startswith("gitlab.") else ""
