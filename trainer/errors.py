"""Every exception the headless half raises on purpose. Each says what failed, with which value, and what to do."""

from __future__ import annotations


class TrainerError(Exception):
    """What the world did wrong, in one sentence, with a way out.

    Attributes:
        message: What failed, with the value that failed; one sentence, no traceback.
        hint: What the user can do about it; empty if there is nothing to say.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class InputError(TrainerError):
    """Something the user gave cannot be used; nothing was created."""


class SweepFileError(InputError):
    """A sweep file is missing, unreadable, or not YAML.

    Attributes:
        line: Where in the file, counting from 1; None when the whole file is meant.
    """

    def __init__(self, message: str, *, hint: str = "", line: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.line = line


class SweepConfigError(InputError):
    """A sweep configuration breaks W&B's rules."""


class ProgramError(InputError):
    """The program a sweep names cannot be started."""


class DeviceError(InputError):
    """GPUs that were asked for cannot be had."""


class DatasetError(InputError):
    """A data set is unknown or unusable."""


class HyperparameterError(InputError):
    """A hyperparameter is unknown to the model, or its value cannot be used."""


class MissingPackageError(InputError):
    """An optional package that the request needs is not installed."""


class SweepReferenceError(InputError):
    """A text does not name a sweep or run (`id`, `project/id`, `entity/project/id` or a URL)."""


class BundleError(InputError):
    """A bundle is missing, damaged or not one, or was asked for what only a server can do."""


class TerminalError(InputError):
    """The app cannot be drawn here: no terminal, a dumb one, or one too small."""


class PortTakenError(InputError):
    """The port the user asked for is in use."""


class ServerRunningError(InputError):
    """A server already runs where the user asked for one."""


class NotFoundError(InputError):
    """The server answered, and has no such sweep, run or project."""


class AuthenticationError(InputError):
    """The server refused the API key."""


class AccessError(AuthenticationError):
    """The server knows the API key, and does not let its owner do that."""


class ServerError(TrainerError):
    """A W&B server answered with an error it will keep answering with."""


class ServerLostError(ServerError):
    """A W&B server could not be reached, or did not start, within the deadline."""


class ServerBusyError(ServerLostError):
    """A W&B server asks to be left alone for a while (HTTP 429)."""

    retry_in_seconds: float | None = None
    """As it asks; None where it does not say."""
    budget_left: float | None = None
    """Part of its budget of requests that is left; None where it does not say."""
    budget_reset_seconds: float = 0.0
    """Until that is whole again; 0 where it does not say."""


class StorageError(ServerError):
    """The embedded server's disk did not do its part; what was acknowledged is safe, the rest can be sent again."""


class AgentError(TrainerError):
    """A local agent host could not be started, found or stopped."""


class AnalysisError(TrainerError):
    """The runs of a sweep could not be analysed."""
