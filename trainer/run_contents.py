"""What hangs on a run besides its numbers: files, artifacts, where it comes from. Frozen values; owns no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from trainer.records import Json


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file of a run or of an artifact, as its server lists it."""

    name: str
    """With folders: `media/table/predictions.table.json`."""
    size: int = 0
    """Bytes."""
    url: str = ""
    """Where its bytes are: an address that is good for a while only; empty where they are not to be had."""
    mimetype: str = ""
    updated_at: datetime | None = None
    """Aware, UTC."""
    md5: str = ""
    """In base64; empty where it is not told."""

    @property
    def is_reference(self) -> bool:
        """Whether only its address was logged, and the bytes stayed where they are."""
        return bool(self.url) and not self.url.startswith(("http://", "https://", "bundle:"))


@dataclass(frozen=True, slots=True)
class RunArtifact:
    """A version of an artifact that a run logged or used."""

    collection: str
    version: str
    """`v3`; empty while it has none."""
    type: str = ""
    size: int = 0
    """Bytes of all its files."""
    file_count: int = 0
    aliases: tuple[str, ...] = ()
    """Without the version itself."""
    is_used: bool = False
    """Whether the run took it as input."""
    state: str = "COMMITTED"
    """PENDING, COMMITTED or DELETED."""
    created_at: datetime | None = None
    """Aware, UTC."""
    digest: str = ""
    description: str = ""
    metadata: Mapping[str, Json] = field(default_factory=dict, hash=False)
    tags: tuple[str, ...] = ()
    entity: str = ""
    project: str = ""
    """Where its collection is: one that a run used may be another project's; empty for the run's own."""

    @property
    def name(self) -> str:
        """How it is asked for: `model:v3`."""
        return f"{self.collection}:{self.version}" if self.version else self.collection


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """Where a run comes from, as the SDK told its server; what nobody told is empty."""

    program: str = ""
    """Path of the program, or `-m package.module`."""
    args: tuple[str, ...] = ()
    """What followed the program, in its order."""
    executable: str = ""
    """The Python that ran it."""
    local_path: str = ""
    """The program, from the folder that it was started in."""
    repository_path: str = ""
    """The program, from the top of its repository."""
    git_remote: str = ""
    git_commit: str = ""
    host: str = ""
    user: str = ""
    os: str = ""
    python: str = ""
    wandb_version: str = ""
    cpus: int = 0
    memory: int = 0
    """Bytes."""
    gpu: str = ""
    """`4 × NVIDIA H100`."""
    started_at: datetime | None = None
    """Aware, UTC."""
    agent: str = ""
    """Id of the agent that ran it; embedded server only."""
    exit_code: int | None = None
    """Embedded server only."""

    @property
    def folder(self) -> str:
        """The folder it was started in; empty where that does not follow from what was told."""
        return _without_end(self.program, self.local_path)

    @property
    def repository(self) -> str:
        """The top of its repository on its host; empty where that is not known."""
        return _without_end(self.program, self.repository_path) if self.git_commit else ""


def _without_end(path: str, end: str) -> str:
    tail = f"/{end.removeprefix('./')}"
    return (path.removesuffix(tail) or "/") if end and path.endswith(tail) else ""
