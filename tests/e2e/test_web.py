"""The app in a browser: what a browser gets, and who is refused."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import BIN, ROOT, User
from tui.look_options import without_web


def test_a_page_runs_the_command_line_without_what_asks_for_the_browser() -> None:
    words = ["--server", "local", "--web", "--port", "0", "open", "x", "--host=::1", "--theme", "ansi-dark"]
    assert without_web(words) == ["--server", "local", "open", "x", "--theme", "ansi-dark"]


async def test_who_has_the_address_gets_the_app_and_nobody_else(user: User, tmp_path: Path) -> None:
    pytest.importorskip("textual_serve", reason="the extra `web` is not installed")
    import aiohttp

    command = [str(BIN / "sweep-tui"), "--server", "local", "--web", "--port", "0"]
    with (tmp_path / "errors").open("w") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env=user.environ, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdout is not None
    try:
        line = await asyncio.to_thread(process.stdout.readline)
        address = line.split()[-1]
        parts = urlsplit(address)
        assert parts.hostname == "127.0.0.1" and parts.port, line
        home = f"http://{parts.netloc}/"
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            # Without the address, under a name that somebody points here, and from a page of somebody else.
            assert (await browser.get(home)).status == 403
            assert (await browser.get(address, headers={"Host": f"evil.example:{parts.port}"})).status == 403
            assert (await browser.get(address, headers={"Origin": "http://evil.example"})).status == 403
            page = await browser.get(address)
            assert (page.status, str(page.url)) == (200, home)
            assert f"ws://{parts.netloc}/ws" in await page.text()
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await browser.ws_connect(f"{home}ws", headers={"Origin": "http://evil.example"})
            async with browser.ws_connect(f"{home}ws?width=80&height=24", headers={"Origin": home[:-1]}) as socket:
                seen = b""
                while b"New sweep" not in seen:
                    message = await socket.receive(timeout=30)
                    assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), (message, seen[-500:])
                    seen += message.data if isinstance(message.data, bytes) else b""
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, 20) == 0
        assert "Traceback" not in (tmp_path / "errors").read_text()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
