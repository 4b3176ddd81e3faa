from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tui.kept_drafts import DraftKeeper, adopt_newest, new_draft


def test_a_draft_belongs_to_its_builder_until_that_lets_go(tmp_path: Path) -> None:
    keeper = DraftKeeper(tmp_path)
    draft = new_draft("name: ü\r\n", Path("/x/a.yaml"), "name: a\n", "ü", 3)
    keeper.keep(draft)
    assert adopt_newest(tmp_path) == (None, 0)
    keeper.leave()
    keeper.keep(new_draft("too late", None, None, "", 1))

    orphan, others = adopt_newest(tmp_path)
    assert orphan is not None and (orphan.draft, others) == (draft, 0)
    assert orphan.draft.summary.endswith("(ü, 3 changes)")
    assert adopt_newest(tmp_path) == (None, 0), "it was taken over"
    orphan.keeper.forget()
    assert list(tmp_path.iterdir()) == []


def test_the_draft_of_a_killed_process_is_found_and_of_a_living_one_is_not(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from tui.kept_drafts import DraftKeeper, new_draft;"
        "keeper = DraftKeeper(Path(sys.argv[1])); keeper.keep(new_draft('a: 1', None, None, 'x', 1));"
        "print('kept', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "kept\n"
    assert adopt_newest(tmp_path) == (None, 0)

    process.kill()
    process.wait()
    process.stdout.close()

    orphan, _ = adopt_newest(tmp_path)
    assert orphan is not None and orphan.draft.text == "a: 1"
    orphan.keeper.leave()


def test_files_of_another_kind_and_of_a_version_to_come_are_left_alone(tmp_path: Path) -> None:
    keeper = DraftKeeper(tmp_path)
    keeper.keep(new_draft("old", None, None, "", 1))
    keeper.leave()
    good = next(tmp_path.glob("*.json"))
    content = json.loads(good.read_text())
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "later.json").write_text(json.dumps({**content, "version": 99}))
    (tmp_path / "other.json").write_text(json.dumps({**content, "more": 1}))

    orphan, others = adopt_newest(tmp_path)

    assert orphan is not None and (orphan.draft.text, others) == ("old", 0)
    orphan.keeper.forget()
    assert adopt_newest(tmp_path) == (None, 0)
    assert len(list(tmp_path.glob("*.json"))) == 4


def test_the_newest_is_offered_first_and_the_others_wait(tmp_path: Path) -> None:
    for hour, text in ((10, "a"), (12, "c"), (11, "b")):
        keeper = DraftKeeper(tmp_path)
        draft = new_draft(text, None, None, "", 1)
        object.__setattr__(draft, "kept_at", f"2026-01-01T{hour}:00:00+00:00")
        keeper.keep(draft)
        keeper.leave()

    for text, waiting in (("c", 2), ("b", 1), ("a", 0)):
        orphan, others = adopt_newest(tmp_path)
        assert orphan is not None and (orphan.draft.text, others) == (text, waiting)
        orphan.keeper.forget()


def test_only_the_drafts_of_a_file_are_taken_over_where_one_is_asked_for(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        keeper = DraftKeeper(tmp_path)
        keeper.keep(new_draft(name, Path("/x") / name, "", "", 1))
        keeper.leave()

    assert adopt_newest(tmp_path, Path("/x/c.yaml")) == (None, 0)
    orphan, others = adopt_newest(tmp_path, Path("/x/a.yaml"))
    assert orphan is not None and (orphan.draft.text, others) == ("a.yaml", 0)
    orphan.keeper.leave()
    assert adopt_newest(tmp_path)[1] == 1


def test_a_folder_that_is_not_there_holds_no_drafts(tmp_path: Path) -> None:
    assert adopt_newest(tmp_path / "none") == (None, 0)
