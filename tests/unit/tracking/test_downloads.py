from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer.errors import InputError, ServerError
from trainer.run_contents import RunFile
from trainer.tracking import downloads
from trainer.tracking.downloads import DownloadStoppedError, is_here, read_text, save_file, target_path

CONTENT = b"0123456789" * 10


class Source:
    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content

    def stream_file(self, file: RunFile) -> Iterator[bytes]:
        yield from (self.content[start : start + 8] for start in range(0, len(self.content), 8))


def a_file(content: bytes = CONTENT) -> RunFile:
    return RunFile("a/b.bin", len(content), "http://x", md5=base64.b64encode(hashlib.md5(content).digest()).decode())


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path, counts = target_path(tmp_path, "a/b.bin"), list[int]()
    save_file(Source(), a_file(), path, on_bytes=counts.append)
    assert path.read_bytes() == CONTENT and sum(counts) == len(CONTENT) and is_here(a_file(), path)
    with pytest.raises(InputError, match="is there already"):
        save_file(Source(), a_file(), path)
    stop = threading.Event()
    stop.set()
    with pytest.raises(DownloadStoppedError):
        save_file(Source(), a_file(), path, replace=True, stop=stop)
    with pytest.raises(ServerError, match="arrived damaged"):
        save_file(Source(b"other"), a_file(), path, replace=True)
    assert path.read_bytes() == CONTENT and list(path.parent.iterdir()) == [path]


def test_a_disk_without_room_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="MiB left, and this takes"):
        save_file(Source(), RunFile("big", 2**60, "http://x"), tmp_path / "new" / "big")
    monkeypatch.setattr(downloads, "check_room", lambda folder, size: None)
    with pytest.raises(InputError, match="No space left on device"):
        save_file(Source(), a_file(), Path("/dev/full"), replace=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "", "C:/x", "a\\..\\..\\x"])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="outside of"):
        target_path(tmp_path, name)


def test_only_texts_are_looked_at_and_long_ones_in_part() -> None:
    assert read_text(Source("grün".encode()), a_file(), 100) == ("grün", False)
    assert read_text(Source("grün".encode() * 9), a_file(), 3) == ("gr", True)
    for content in (b"\0\1", b"\xff\xfe"):
        with pytest.raises(InputError, match="no text"):
            read_text(Source(content), a_file(), 100)
