from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime

import pytest

from tests.ui.feed_session import REFERENCE, FeedSession, a_sweep, make_run
from tests.ui.memory_session import CONNECTION
from tests.ui.test_sweep_screen import sweep_screen, text_of, until
from trainer.events import RunsChanged
from trainer.paths import config_dir
from trainer.states import RunState, SweepState
from tui.alerting_app import Notify, read_notify
from tui.alerts import Alert, AlertKind
from tui.app import SweepApp
from tui.feeds import SweepFeed
from tui.last_look import keep_look, look_at, look_key, looks_file, read_looks
from tui.looks import SETTINGS_FILE_NAME
from tui.screens import sweep_news
from tui.screens.sweep import SweepScreen

KEY = look_key(CONNECTION.base_url, REFERENCE)
OLD = RunsChanged((make_run(1, 0.5), make_run(2, 0.8), make_run(3, state=RunState.RUNNING)))
NEW = RunsChanged((make_run(3, 0.9), make_run(4, state=RunState.CRASHED)))


async def test_opening_a_sweep_tells_what_changed_since_the_last_look_and_marks_it() -> None:
    feed = SweepFeed()
    feed.apply([a_sweep(), OLD])
    look = look_at(feed, datetime.now(UTC))
    assert look is not None
    keep_look(looks_file(), KEY, look)

    async with sweep_screen((a_sweep(), OLD, NEW), size=(80, 24)) as (pilot, screen, session):
        await until(pilot, lambda: "new best 0.9000 (+0.1000)" in text_of(screen))
        shown = text_of(screen)
        assert "2 runs ended · 1 failed" in shown
        assert [line for line in shown.splitlines() if "✦" in line and "rose-sweep-3" in line]
        assert not [line for line in shown.splitlines() if "✦" in line and "rose-sweep-2" in line]
        await pilot.press("3")
        await until(pilot, lambda: "▲ 0.1000 better than rose-sweep-2" in text_of(screen))
        assert "3 → 4" in text_of(screen), "the depth of the best run before, and of this one"
        await pilot.press("1", "e")
        await until(pilot, lambda: "✦" not in text_of(screen))
        await pilot.press("e")
        await until(pilot, lambda: "2 runs ended" in text_of(screen), "the key tells it again")
        await pilot.click("#news")
        await until(pilot, lambda: not screen.has_class("-news"))
        session.give(RunsChanged((make_run(5, 0.6),)))
        await until(pilot, lambda: "no better for 2 runs" in text_of(screen), "one failed, one did worse")

    kept = read_looks(looks_file())[KEY]
    assert kept.best == 0.9 and kept.run_count == 5, "what was seen is kept when the screen is left"


async def test_who_comes_back_to_an_open_screen_is_told_and_who_stays_is_not() -> None:
    session = FeedSession((a_sweep(), OLD))
    app = SweepApp(session)
    async with app.run_test(size=(120, 36)) as pilot:
        screen = SweepScreen(session, REFERENCE)
        await app.push_screen(screen)
        await until(pilot, lambda: screen._look is not None)
        session.give(RunsChanged((make_run(3, 0.85),)))
        await until(pilot, lambda: screen.feed.best_value == 0.85)
        screen.keep_looking()
        assert screen.news is None, "a first visit, and somebody is there"

        app.last_input_at -= sweep_news.PRESENT_SECONDS + 1
        session.give(RunsChanged((make_run(4, 0.9), dataclasses.replace(make_run(5), state=RunState.FAILED))))
        await until(pilot, lambda: screen.feed.best_value == 0.9)
        screen.keep_looking()
        assert screen.news is None, "nobody is there to be told"
        screen._looked_at -= sweep_news.AWAY_SECONDS
        await pilot.press("down")
        screen.keep_looking()
        await until(pilot, lambda: "new best accuracy 0.9000 (+0.0500) · 2 runs ended · 1 failed" in text_of(screen))


async def test_the_user_is_called_also_while_another_screen_covers_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(SweepApp, "write_to_terminal", lambda app, sequence: written.append(sequence))
    monkeypatch.setenv("TERM", "xterm-256color")
    async with sweep_screen((a_sweep(), OLD), size=(120, 36)) as (pilot, screen, session):
        app = screen.app
        assert isinstance(app, SweepApp)
        await pilot.press("question_mark")
        await until(pilot, lambda: app.screen is not screen)
        session.give(RunsChanged((make_run(3, 0.9),)))
        await until(pilot, lambda: written)
        assert written == ["\a\x1b]9;sweep-tui: wine-grid: new best accuracy 0.9000 (+0.1000) by rose-sweep-3\a"]
        session.give(RunsChanged((make_run(4, 0.95),)))
        await until(pilot, lambda: app.gate.wait_seconds(time.monotonic()))
        assert len(written) == 1, "the last call is not long enough ago"
        await pilot.press("escape", "B")
        await until(pilot, lambda: read_notify(config_dir() / SETTINGS_FILE_NAME) is Notify.BELL)
        session.give(a_sweep(state=SweepState.FINISHED))
        await until(pilot, lambda: screen.feed.is_over)
        app.gate._open_at = 0.0
        app.call_user([])
        assert written[1:] == ["\a"], "the end, by the bell alone"
        await pilot.press("B")
        app.gate._open_at = 0.0
        app.call_user([Alert(AlertKind.DONE, REFERENCE, "again")])
        assert len(written) == 2, "off"
