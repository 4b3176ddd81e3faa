"""The quick way from a frame to its module answers as the library's own does."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from types import FrameType

import pytest

from trainer.agents.bootstrap.module_lookup import QuickModuleLookup

SOURCE = """
import sys
def frames():
    frame, found = sys._getframe(), []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found
FRAMES = frames()
exec("made = frames()", {"__name__": "nobody", "frames": frames}, made := {})
FRAMES += made["made"]
class Local:
    pass
"""


def test_the_module_of_a_frame_is_found_as_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "looked_up.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("looked_up")
    frames: list[FrameType] = module.FRAMES
    assert any(frame.f_code.co_filename.startswith("<frozen") for frame in frames), "those of the import system"
    plain = inspect.getmodule
    expected = [plain(frame) for frame in frames]
    with QuickModuleLookup():
        assert inspect.getmodule is not plain
        assert [inspect.getmodule(frame) for frame in frames] == expected
        assert [inspect.getmodule(frame, frame.f_code.co_filename) for frame in frames] == expected
        assert inspect.getmodule(module.Local) is module
        assert inspect.getmodule(module) is module
        assert inspect.getsource(module.Local) == "class Local:\n    pass\n"
    assert inspect.getmodule is plain
    del sys.modules["looked_up"]
