from __future__ import annotations

import os
from pathlib import Path

from tui.log_tail import MAX_OPEN_BYTES, START_BYTES, LogTail


def test_lines_arrive_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "r1.log"
    tail = LogTail(path)
    news = tail.read()
    assert news is not None and news.is_missing
    path.write_bytes(b"one\n  two\thalf")
    news = tail.read()
    assert news is not None and list(news.lines) == ["one"] and news.open_line == "  two   half"
    assert tail.read() is None
    with path.open("ab") as stream:
        stream.write(b" a line\nepoch 1\repoch 2\repoch 3\r\n\x1b[31mred\x1b[0m \xff\n")
    news = tail.read()
    assert news is not None and list(news.lines) == ["  two   half a line", "epoch 3", "red \ufffd"]
    assert news.open_line == ""


def test_a_log_that_begins_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "r1.log"
    path.write_bytes(b"first life\n")
    tail = LogTail(path)
    tail.read()
    os.replace(path, tmp_path / "r1.1.log")
    path.write_bytes(b"second life\n")
    news = tail.read()
    assert news is not None and news.begins_anew and list(news.lines) == ["second life"]
    path.write_bytes(b"cut\n")
    news = tail.read()
    assert news is not None and news.begins_anew and list(news.lines) == ["cut"]


def test_of_a_long_log_only_the_end_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "r1.log"
    with path.open("wb") as stream:
        for number in range(80_000):
            stream.write(b"%099d\n" % number)
    tail, lines, first = LogTail(path), list[str](), True
    while (news := tail.read()) is not None:
        assert news.skipped == first
        first = False
        lines += news.lines
    assert int(lines[-1]) == 79_999
    assert START_BYTES // 100 - 2 <= len(lines) <= START_BYTES // 100
    assert [int(line) for line in lines] == list(range(int(lines[0]), 80_000))


def test_a_line_without_end_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "r1.log"
    tail = LogTail(path)
    for _ in range(5):
        with path.open("ab") as stream:
            stream.write(b"x" * 50_000)
        news = tail.read()
        assert news is not None and not news.lines
        assert len(tail._open) <= MAX_OPEN_BYTES
