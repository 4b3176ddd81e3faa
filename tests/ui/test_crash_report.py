from __future__ import annotations

import pytest

from tests.ui.memory_session import MemorySession
from tui.app import SweepApp


async def test_a_crash_says_where_and_shows_no_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def action_help(app: SweepApp) -> None:
        key = "canary-" * 6
        raise RuntimeError(f"a fault with {len(key)} letters")

    monkeypatch.setattr(SweepApp, "action_help", action_help)
    app = SweepApp(MemorySession())
    with pytest.raises(RuntimeError):
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.press("?")
            await pilot.pause()
    printed = capsys.readouterr().err
    assert "action_help" in printed and "a fault with 42 letters" in printed and "please report it" in printed
    assert "canary-canary" not in printed and "locals ─" not in printed
