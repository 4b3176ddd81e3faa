"""What a run's wandb would look up and import by itself, each run anew, done once before the runs are forked.

Its answers stay the same. Names of wandb are those of SDK 0.31; what another version does not have is left out.
"""

from __future__ import annotations

import functools
import os
import pickle
import platform
import select
import signal
import sys
import time
from typing import Any, Callable, Dict, Optional, Tuple

_LATE_MODULES = (
    "wandb.sdk.launch.inputs.internal",
    "wandb.apis.public",
    "wandb.sdk.lib.gitlib",
    "requests",
    "yaml",
    "urllib3.contrib",
    "encodings.idna",
    "http.cookiejar",
)
"""What wandb imports in `wandb.init` and at the first row: 0.4 s of each run."""
_TELEMETRY_MODULES = (
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http._log_exporter",
    "opentelemetry.sdk.metrics.export",
    "opentelemetry.sdk._logs.export",
)
_ANSWER_SECONDS = 10.0
_SAME_ROOT_SECONDS = 1.0


def prepare_wandb(import_module: Callable[[str], object]) -> None:
    """Prepare wandb, which has been imported, for the runs.

    Args:
        import_module: Imports a module; what fails is left to the runs.
    """
    packages = _PackageList()
    late: Tuple[str, ...] = _LATE_MODULES
    if os.environ.get("WANDB_ERROR_REPORTING", "true").lower() not in ("false", "0"):
        late += _TELEMETRY_MODULES
    for name in late:
        import_module(name)
    port_file = sys.modules.get("wandb.sdk.lib.service.service_port_file")
    if hasattr(port_file, "_SLEEP"):
        # wandb-core is there within 20 ms; wandb looks for it every 200 ms.
        port_file._SLEEP = lambda seconds: time.sleep(min(seconds, 0.004))  # type: ignore[union-attr]
    # Every run reports its machine. The interpreter keeps the answer; it starts a process for it.
    platform.processor()
    _ask_git_once()
    packages.install()


class _PackageList:
    """The installed packages, which every run reports: to read 90 of them takes 0.1 s.

    They are read by a child, while this process goes on with its imports. `_watched_files` of the server sees when a
    package is installed or removed.
    """

    def __init__(self) -> None:
        self._util: Any = sys.modules.get("wandb.util")
        self._pid, self._reader = 0, -1
        if not hasattr(self._util, "working_set"):
            return
        self._reader, writer = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:
            # Then it is read here.
            os.close(writer)
            return
        if self._pid == 0:
            self._answer(writer)
        os.close(writer)

    def _answer(self, writer: int) -> None:
        try:
            with os.fdopen(writer, "wb") as stream:
                stream.write(pickle.dumps(tuple(self._util.working_set())))
        finally:
            os._exit(0)

    def install(self) -> None:
        """Have wandb find the list."""
        if self._reader < 0:
            return
        said = b""
        while self._pid and select.select([self._reader], [], [], _ANSWER_SECONDS)[0]:
            part = os.read(self._reader, 1 << 20)
            if not part:
                break
            said += part
        os.close(self._reader)
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        try:
            packages = pickle.loads(said)
        except Exception:  # it was cut off, or holds what cannot be told to another process
            packages = tuple(self._util.working_set())
        self._util.working_set = lambda: iter(packages)


def _ask_git_once() -> None:
    """Have a run ask git once for the root of its folder: `wandb.init` starts three processes for that, at once."""
    repository: Any = getattr(sys.modules.get("wandb.sdk.lib.gitlib"), "GitRepo", None)
    if not hasattr(repository, "repo_root_for"):
        return
    ask = repository.repo_root_for
    known: Dict[Tuple[Any, ...], Tuple[float, Optional[str], Optional[Exception]]] = {}

    @functools.wraps(ask)
    def repo_root_for(self: Any, cwd: str) -> Any:
        key = (os.getpid(), getattr(self, "_git_executable", None), os.path.abspath(cwd))
        asked_at, root, error = known.get(key, (0.0, None, None))
        if not asked_at or time.monotonic() - asked_at > _SAME_ROOT_SECONDS:
            root, error = None, None
            try:
                root = ask(self, cwd)
            except Exception as failure:  # an answer too: there is no repository
                error = failure
            known[key] = (time.monotonic(), root, error)
        if error is not None:
            raise error
        return root

    repository.repo_root_for = repo_root_for
