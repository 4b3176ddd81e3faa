from __future__ import annotations

from pathlib import Path

import pytest

from trainer.errors import InputError
from tui.looks import Looks, fitting_theme, read_settings, remember, resolve_looks

KNOWN = ("sweep-dark", "sweep-light", "colorblind-dark", "ansi-dark")


def test_a_flag_beats_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    assert resolve_looks(None, False, {}, path, KNOWN) == Looks()
    path.write_text("theme: sweep-light\nplain: true\n")
    assert resolve_looks(None, False, {}, path, KNOWN) == Looks("sweep-light", True)
    environ = {"SWEEP_TUI_THEME": "ansi-dark", "TEXTUAL_THEME": "sweep-dark", "SWEEP_TUI_PLAIN": "0"}
    assert resolve_looks(None, False, environ, path, KNOWN) == Looks("ansi-dark", False)
    assert resolve_looks("colorblind-dark", True, environ, path, KNOWN) == Looks("colorblind-dark", True)


def test_a_wrong_flag_is_refused_and_a_wrong_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    with pytest.raises(InputError, match="no theme 'colourblind-dark'. Perhaps 'colorblind-dark'"):
        resolve_looks("colourblind-dark", False, {}, path, KNOWN)
    for text, words in (
        ("theme: sweep-ligth\n", "Perhaps 'sweep-light'"),
        ("plain: maybe\n", "write true or false"),
        ("[1", "is not YAML: line 1"),
        ("- a\n", "must hold lines such as"),
    ):
        path.write_text(text)
        looks = resolve_looks(None, False, {}, path, KNOWN)
        assert (looks.theme, looks.plain) == ("", False)
        assert words in looks.problem
    path.unlink()
    assert "write 1 or 0" in resolve_looks(None, False, {"SWEEP_TUI_PLAIN": "perhaps"}, path, KNOWN).problem


def test_what_is_chosen_is_kept_beside_what_the_user_wrote(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.yaml"
    assert remember(path, "theme", "ansi-dark") == ""
    assert path.read_text() == "theme: ansi-dark\n"
    path.write_text("# mine\ntheme : sweep-dark # night\nother: 1")
    assert remember(path, "theme", "sweep-light") == remember(path, "plain", "true") == ""
    assert path.read_text() == "# mine\ntheme: sweep-light\nother: 1\nplain: true\n"
    assert read_settings(path)[0]["theme"] == "sweep-light"
    assert "cannot be" in remember(tmp_path / "new" / "settings.yaml" / "below", "theme", "x")


def test_terminals_of_few_colours_keep_their_own() -> None:
    assert fitting_theme("truecolor", {}) == fitting_theme("256", {"COLORFGBG": "0;15"}) == "sweep-dark"
    assert fitting_theme("standard", {}) == fitting_theme("truecolor", {"NO_COLOR": "1"}) == "ansi-dark"
    assert fitting_theme("standard", {"COLORFGBG": "0;15"}) == "ansi-light"
