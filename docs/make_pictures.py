"""Make every picture of the documentation anew, from the real app: `python docs/make_pictures.py`.

Runs a real sweep on the embedded server in a home of its own, and photographs the live view while its last runs still
go, then one of its runs, what its runs say, and the builder. Takes about a minute.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs"
PICTURES = ("sweep-view.svg", "run.svg", "analysis.svg", "builder.svg")
"""All there are; tests/hygiene compares them with what the pages show."""
SIZE = (120, 38)
_CHILD = "--in-its-home"


async def picture(app: App[None], pilot: Pilot[None], name: str) -> None:
    """Write the screen as SVG."""
    assert name in PICTURES, name
    await pilot.pause()
    (FOLDER / name).write_text(app.export_screenshot(title="sweep-tui"), encoding="utf-8")
    print(FOLDER / name)


async def wait_for(pilot: Pilot[None], app: App[None], pattern: str, seconds: float) -> None:
    """Wait until the screen shows what a regular expression finds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not re.search(pattern, re.sub(r"<[^>]*>", " ", app.export_screenshot()).replace("&#160;", " ")):
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"the screen never showed {pattern!r}")
        await pilot.pause(0.2)


async def sweep() -> None:
    """Photograph a sweep when most of its nine runs have ended, its best run, and what its runs say."""
    from trainer.settings import ServerKind, Settings
    from trainer.sweep.config import load_sweep_file
    from tui.app import SweepApp
    from tui.session import Session
    from tui.start import OpenLaunch

    config = load_sweep_file(ROOT / "sweeps" / "wine-grid.yaml").config
    session = Session(Settings(ServerKind.EMBEDDED, ""), ROOT)
    app = SweepApp(session, OpenLaunch(config, 2))
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, app, r"[78]/9 runs", 120)
        await picture(app, pilot, "sweep-view.svg")
        await wait_for(pilot, app, r"9/9 runs", 120)
        await pilot.press("enter")
        await wait_for(pilot, app, r"log_loss", 30)
        await picture(app, pilot, "run.svg")
        await pilot.press("escape", "A")
        await wait_for(pilot, app, r"Importance", 60)
        await pilot.press("3")
        await wait_for(pilot, app, r"max_depth", 30)
        await picture(app, pilot, "analysis.svg")


async def builder() -> None:
    """Photograph a new sweep in the builder, at a parameter with a choice of values."""
    from trainer.settings import ServerKind, Settings
    from tui.app import SweepApp
    from tui.session import Session

    app = SweepApp(Session(Settings(ServerKind.EMBEDDED, ""), ROOT))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+n")
        await wait_for(pilot, app, "9 runs", 30)
        await pilot.press("down", "down", "down")
        await picture(app, pilot, "builder.svg")


def in_a_home_of_its_own() -> int:
    """Start this file again with an empty home, and an interpreter whose path says nothing of this machine."""
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "sweep-tui").mkdir()
        environment = Path(home) / "sweep-tui" / ".venv"
        environment.symlink_to(sys.prefix)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "XDG_"))}
        command = [str(environment / "bin" / Path(sys.executable).name), __file__, _CHILD]
        return subprocess.run(command, env=kept | {"HOME": home}, cwd=ROOT, check=False).returncode


def main() -> int:
    """Make every picture; stop the server afterwards."""
    if _CHILD not in sys.argv:
        return in_a_home_of_its_own()
    from trainer.server.lifecycle import stop_server

    try:
        asyncio.run(sweep())
        asyncio.run(builder())
    finally:
        stop_server()
    return 0


if __name__ == "__main__":
    sys.exit(main())
