"""`python -m trainer.server`: run the embedded server in this process."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from trainer.errors import InputError, TrainerError
from trainer.server.data_folder import has_died, prepare_folder, resolve_folder
from trainer.server.lifecycle import DEFAULT_IDLE_MINUTES, ServerAddress, ensure_running, serve_foreground
from trainer.server.log_file import log_to

NOT_DIED = 3
"""Exit code of `--revive` where the server runs, or was told to end."""


def main() -> int:
    """Parse the arguments, serve, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m trainer.server", description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="where to keep everything (default: the user's data folder)")
    parser.add_argument("--port", type=int, help="default: the same as last time")
    parser.add_argument("--idle-minutes", type=float, help="end after so long without requests and live runs")
    parser.add_argument("--background", action="store_true", help="end when idle; say nothing on the terminal")
    parser.add_argument(
        "--revive", action="store_true", help=f"start it in the background if it died; {NOT_DIED}: it did not"
    )
    options = parser.parse_args()
    if options.revive:
        return _revive(options.data_dir)
    idle = options.idle_minutes
    if idle is None and options.background:
        idle = DEFAULT_IDLE_MINUTES
    try:
        log_to(prepare_folder(options.data_dir), on_terminal=not options.background)
        serve_foreground(options.port, options.data_dir, idle_minutes=idle, on_ready=_say_ready)
    except TrainerError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    return 0


def _revive(data_dir: Path | None) -> int:
    """Start the server of a folder again that was killed; one that was told to end stays away."""
    if not has_died(resolve_folder(data_dir)):
        return NOT_DIED
    try:
        ensure_running(data_dir)
    except TrainerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _say_ready(address: ServerAddress) -> None:
    logging.getLogger(__name__).info("listening on %s, process %d", address.base_url, address.pid)


if __name__ == "__main__":
    sys.exit(main())
