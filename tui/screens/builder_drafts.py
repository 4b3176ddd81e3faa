"""BuilderDrafts: nothing that is typed into the builder is lost. A feature of `SweepBuilderScreen`.

While there are unsaved changes, they are written down about once a second, in a thread. Saved or launched, they are
forgotten; left or killed, they are offered again by the next builder.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from textual import on, work
from textual.message import Message
from textual.widgets import Input, TextArea

from trainer.errors import TrainerError
from tui.kept_drafts import DraftKeeper, KeptDraft, Orphan, adopt_newest, drafts_dir, new_draft, warn_of
from tui.screens.builder_files import BuilderFiles
from tui.screens.builder_launching import BuilderLaunching
from tui.screens.kept_draft import Answer, KeptDraftScreen
from tui.sweep_document import SweepDocument

KEEPING = "keeping"
LOOKING = "looking"
KEEP_SECONDS = 1.0


@dataclass(frozen=True)
class _Changes:
    """What may be unsaved, as it is at one moment; a thread asks for it as a draft."""

    typed: str | None
    """The YAML as it is typed; None where the document has it."""
    document: SweepDocument
    path: Path | None
    saved_text: str | None
    launched_text: str | None
    name: str
    steps: int
    is_begun: bool

    def are_those(self, other: _Changes) -> bool:
        """Return whether nothing has changed."""
        return self.document.is_still(other.document) and self._facts == other._facts

    @property
    def _facts(self) -> tuple[object, ...]:
        return (self.typed, self.path, self.saved_text, self.launched_text, self.is_begun)

    def draft(self) -> KeptDraft | None:
        """Return what would be lost; None if nothing."""
        if not self.is_begun:
            return None
        text = self.document.text if self.typed is None else self.typed
        if text in (self.saved_text, self.launched_text):
            return None
        return new_draft(text, self.path, self.saved_text if self.path else None, self.name, self.steps)


class BuilderDrafts(BuilderFiles):
    """Keeps unsaved changes, and offers those that were left."""

    _keeper: DraftKeeper | None = None
    _kept_changes: _Changes | None = None
    _launched_text: str | None = None
    """What runs already: nothing of it would be lost."""
    _held_offer: OrphanFound | None = None
    """Found while a dialog was open over the builder."""
    _has_warned: bool = False

    @property
    def are_changes_kept(self) -> bool:
        """Whether unsaved changes are there again next time: unless they could not be written down."""
        return not self._has_warned

    @dataclass
    class OrphanFound(Message):
        """A sweep was kept that nobody has open."""

        orphan: Orphan
        others: int
        changed_on_disk: bool

    @dataclass
    class KeepFailed(Message):
        """Changes could not be written down."""

        error: Exception

    async def on_mount(self) -> None:
        """Look for a draft that was left, and begin to keep this one."""
        self._keeper = DraftKeeper(drafts_dir())
        if not self.was_given:
            self.look_for_orphans()
        elif self.path is not None:
            self.look_for_orphans(self.session.cwd / self.path)
        # Who derives a sweep from another one wants that; a new sweep is the place to ask.
        self.set_interval(KEEP_SECONDS, self._keep)

    def on_unmount(self) -> None:
        """Leave the last state behind, or nothing where nothing is unsaved; some milliseconds, and the last chance."""
        if self._held_offer is not None:
            self._held_offer.orphan.keeper.leave()
        keeper = self._keeper
        if keeper is None:
            return
        draft = self._unsaved_draft()
        if draft is None:
            keeper.forget()
            return
        # If it fails, nobody is left to be told, and what was written a second ago is still there.
        with suppress(TrainerError, OSError):
            keeper.keep(draft)
        keeper.leave()

    @on(BuilderLaunching.Launched)
    def _forget_launched(self) -> None:
        self._launched_text = self.launching_text

    def _unsaved_draft(self) -> KeptDraft | None:
        """Return what would be lost now; None if nothing."""
        return self._changes().draft()

    def _changes(self) -> _Changes:
        """Return what is there to keep."""
        name = self.document.draft.get("name")
        return _Changes(
            self.yaml.text if self.yaml.has_typed else None,
            self.document.snapshot(),
            self.session.cwd / self.path if self.path else None,
            self._saved_text,
            self._launched_text,
            name if isinstance(name, str) else "",
            self.document.step_count,
            self.is_begun,
        )

    def _keep(self) -> None:
        if any(each.node is self and each.group == KEEPING and not each.is_finished for each in self.workers):
            # On a slow disk: what is being written must not come after what is newer.
            return
        changes = self._changes()
        if self._keeper is not None and not (self._kept_changes and changes.are_those(self._kept_changes)):
            self._kept_changes = changes
            self.keep_changes(self._keeper, changes)

    @work(thread=True, exit_on_error=False, group=KEEPING, description="keep")
    def keep_changes(self, keeper: DraftKeeper, changes: _Changes) -> None:
        """Write the changes down, or remove what was written down where nothing is unsaved any more."""
        try:
            draft = changes.draft()
            if draft is None:
                keeper.forget()
            else:
                keeper.keep(draft)
        except (TrainerError, OSError) as error:
            self.post_message(self.KeepFailed(error))

    @work(thread=True, exit_on_error=False, group=KEEPING, description="forget draft")
    def forget_draft(self, keeper: DraftKeeper) -> None:
        """Remove what was written down."""
        keeper.forget()

    @on(KeepFailed)
    def _warn(self, message: KeepFailed) -> None:
        if self._has_warned:
            # Once is enough: it would be said again with every second of typing.
            return
        self._has_warned = True
        self.notify(warn_of(message.error), title="Drafts", severity="warning", timeout=10, markup=False)

    @work(thread=True, exit_on_error=False, group=LOOKING, description="look for drafts")
    def look_for_orphans(self, path: Path | None = None) -> None:
        """Find a sweep that was left unsaved; of one file, if one is given."""
        orphan, others = adopt_newest(drafts_dir(), path)
        if orphan is None:
            return
        changed = bool(orphan.draft.path) and _content(Path(orphan.draft.path)) != orphan.draft.saved_text
        if not self.post_message(self.OrphanFound(orphan, others, changed)):
            # The builder has gone: the next one asks.
            orphan.keeper.leave()

    @on(OrphanFound)
    def _offer(self, message: OrphanFound) -> None:
        orphan = message.orphan
        if self.app.screen is not self:
            # A dialog that is open has the keys, and an answer of its own.
            self._held_offer = message
            return
        if self.document.can_undo or self.yaml.has_typed or isinstance(self.focused, Input | TextArea):
            # The user has begun something else, and what is typed would be the answer; the next builder asks.
            orphan.keeper.leave()
            return
        details = [f"It belongs to {self.path_text(Path(orphan.draft.path))}."] if orphan.draft.path else []
        if message.changed_on_disk:
            details.append("That file has changed since then; saving asks before it replaces it.")
        if message.others:
            details.append(
                f"{message.others} more {'is' if message.others == 1 else 'are'} kept; they are offered next."
            )

        async def answered(answer: Answer | None) -> None:
            if answer == "open":
                await self._open_orphan(orphan)
            elif answer == "discard":
                self.forget_draft(orphan.keeper)
            else:
                orphan.keeper.leave()

        self.app.push_screen(KeptDraftScreen(orphan.draft.summary, " ".join(details)), answered)

    def on_screen_resume(self) -> None:
        """Offer what was found while a dialog was open."""
        message, self._held_offer = self._held_offer, None
        if message is not None:
            self._offer(message)

    async def _open_orphan(self, orphan: Orphan) -> None:
        draft = orphan.draft
        if self._keeper is not None:
            self.forget_draft(self._keeper)
        self._keeper, self._kept_changes = orphan.keeper, None
        self.path = Path(draft.path) if draft.path else None
        self._saved_text = draft.saved_text
        begun = SweepDocument.from_text(draft.saved_text) if draft.saved_text is not None else self.document
        begun.replace_text(draft.text, "open the kept draft")
        self.document = begun
        await self.show_document()

    def open_another(self) -> None:
        """Leave the unsaved changes as a draft: the builder goes on with another file."""
        draft = self._unsaved_draft()
        keeper, self._keeper, self._kept_changes = self._keeper, DraftKeeper(drafts_dir()), None
        if keeper is not None and draft is not None:
            self.leave_draft(keeper, draft)
        elif keeper is not None:
            self.forget_draft(keeper)

    @work(thread=True, exit_on_error=False, group=KEEPING, description="keep")
    def leave_draft(self, keeper: DraftKeeper, draft: KeptDraft) -> None:
        """Write the changes down for the next builder."""
        try:
            keeper.keep(draft)
        except (TrainerError, OSError) as error:
            self.post_message(self.KeepFailed(error))
        keeper.leave()


def _content(path: Path) -> str | None:
    """Return what a file holds; None if there is none."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
