"""Redraw the pictures of the documentation from the real app: `python docs/make_pictures.py`.

Runs a real sweep on the embedded server in a home of its own, and photographs the live view while the last runs are
still going, and the builder.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs"
SIZE = (120, 38)


async def picture(app: App[None], pilot: Pilot[None], name: str) -> None:
    """Write the screen as SVG."""
    await pilot.pause()
    (PICTURES / name).write_text(app.export_screenshot(title="sweep-tui"), encoding="utf-8")


async def wait_for(pilot: Pilot[None], app: App[None], pattern: str, seconds: float) -> None:
    """Wait until the screen shows what a regular expression finds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not re.search(pattern, app.export_screenshot().replace("&#160;", " ")):
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"the screen never showed {pattern!r}")
        await pilot.pause(0.2)


async def live_view() -> None:
    """Photograph a sweep when eight of its nine runs have ended."""
    from trainer.settings import ServerKind, Settings
    from trainer.sweep.config import load_sweep_file
    from tui.app import SweepApp
    from tui.session import Session
    from tui.start import OpenLaunch

    config = load_sweep_file(ROOT / "sweeps" / "wine-grid.yaml").config
    session = Session(Settings(ServerKind.EMBEDDED, ""), ROOT)
    app = SweepApp(session, OpenLaunch(config, 2))
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, app, "[78]/9", 120)
        await picture(app, pilot, "sweep-view.svg")
        await wait_for(pilot, app, "9/9", 120)


async def builder() -> None:
    """Photograph a new sweep in the builder."""
    from trainer.settings import ServerKind, Settings
    from tui.app import SweepApp
    from tui.session import Session

    app = SweepApp(Session(Settings(ServerKind.EMBEDDED, ""), ROOT))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+n")
        await wait_for(pilot, app, "9 runs", 30)
        await picture(app, pilot, "builder.svg")


def main() -> None:
    """Make every picture in a home of its own, and stop the server afterwards."""
    from trainer.server.lifecycle import stop_server

    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        for name in [name for name in os.environ if name.startswith(("WANDB_", "XDG_"))]:
            del os.environ[name]
        try:
            asyncio.run(live_view())
            asyncio.run(builder())
        finally:
            stop_server()


if __name__ == "__main__":
    main()
