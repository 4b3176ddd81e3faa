from __future__ import annotations

import pytest

from trainer.records import ConsoleLine, HistoryPoint, RunRecord
from trainer.run_contents import RunArtifact, RunFile
from trainer.states import RunState
from trainer.wire_contents import run_origin, system_points
from tui.console_lines import console_shown, diff_shown
from tui.run_file_rows import file_rows, row_parts
from tui.screens.run_origin import commit_page
from tui.stop_words import short_stop_words, stop_words
from tui.system_charts import system_chart_list, system_content


def test_system_metrics_make_one_chart_per_quantity_the_most_asked_for_first() -> None:
    rows = system_points(
        [
            '{"system.gpu.0.temp": 40, "system.gpu.1.temp": 41, "system.cpu": 3, "_runtime": 15, "other": 1}',
            {"system.network.sent": 2**20, "system.network.recv": 0, "system.disk./.usagePercent": 5, "_runtime": 0},
            {"system.gpu.0.memoryAllocatedBytes/l:node1": 2**30, "system.new.thing": "NaN"},
        ]
    )
    charts = system_chart_list(rows)
    assert [chart.title for chart in charts] == [
        "CPU of the program, %", "GPU memory, MB", "GPU temperature, °C", "disk used, %",
        "network sent and received, MB", "new.thing",
    ]  # fmt: skip
    assert [name for name, _ in charts[2].names] == ["0", "1"]
    assert [name for name, _ in charts[1].names] == ["0@node1"]
    content = system_content(charts[4], rows, ["#111111", "#222222"])
    assert [(one.label, one.points) for one in content.series] == [("sent", ((0.0, 1.0),)), ("received", ((0.0, 0.0),))]


def test_the_last_process_of_a_resumed_run_is_its_origin() -> None:
    git = {"commit": "c0", "remote": "https://me:key@git.org/x"}
    paths = {"program": "/x/src/train.py", "codePath": "src/train.py", "codePathLocal": "train.py"}
    writers = {
        "a": {"startedAt": "2026-01-01T00:00:00Z", "host": "old"},
        "b": {"startedAt": "2026-01-02T00:00:00Z", "host": "new", "git": git, "memory": {"total": "17"}, **paths,
              "gpu": "H100", "gpu_count": 4},
    }  # fmt: skip
    origin = run_origin({"config": {"_wandb": {"value": {"e": writers, "cli_version": "0.31.0"}}}, "exitcode": 3})
    assert (origin.host, origin.folder, origin.repository, origin.memory) == ("new", "/x/src", "/x", 17)
    assert (origin.gpu, origin.wandb_version, origin.exit_code) == ("4 × H100", "0.31.0", 3)
    assert origin.git_remote == "https://git.org/x"
    assert run_origin({"config": "no json", "agent": None}).folder == ""


def test_console_lines_are_shown_as_a_terminal_would_have_left_them() -> None:
    shown = console_shown(
        [
            ConsoleLine(0, "  5%\r 50%\r100%\r"),
            ConsoleLine(1, "\x1b[31mred\x1b[0m\x1b[2K rest"),
            ConsoleLine(2, "\x1b]0;title\x07plain", is_error=True),
        ]
    )
    assert shown.texts == ["100%", "red rest", "plain"]
    assert shown.looks[1].raw == "\x1b[31mred\x1b[0m rest" and shown.looks[2].look == "error"
    looks = diff_shown("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n same").looks
    assert [looks[line].look if line in looks else "" for line in range(6)] == [
        "heading", "heading", "heading", "removed", "added", "",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [20, 76, 120])
def test_rows_of_files_fit_their_width(width: int) -> None:
    model = RunArtifact("a-model-with-quite-a-long-name", "v12", "model", 2**31, 3, ("best", "latest"), True)
    rows = file_rows(
        [RunFile("media/" + "x" * 90, 12, "http://x")], [model], {model.name: [RunFile("w", 5, "s3://b/w")]}
    )
    assert [row.title for row in rows if row.title] == ["1 file, 12 B", "1 artifact used"]
    for row in rows:
        parts = row_parts(row, width)
        assert row.title or len(f"{parts.name}  {parts.rest}") <= max(width, 22)


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        ("git@github.com:me/lab.git", "https://github.com/me/lab/commit/c0"),
        ("https://user:secret@gitlab.com/g/sub/lab.git", "https://gitlab.com/g/sub/lab/-/commit/c0"),
        ("ssh://git@bitbucket.org/me/lab", "https://bitbucket.org/me/lab/commits/c0"),
        ("/srv/git/lab.git", ""),
        ("https://git.example.org/lab", ""),
    ],
)
def test_commits_have_pages_where_the_host_is_known(remote: str, page: str) -> None:
    assert commit_page(remote, "c0") == page


def test_a_row_without_a_time_is_placed_by_its_number() -> None:
    chart = system_chart_list([HistoryPoint(0, {"cpu": 1.0})])[0]
    assert system_content(chart, [HistoryPoint(7, {"cpu": 1.0})], ["#111111"]).series[0].points == ((7.0, 1.0),)


@pytest.mark.parametrize(
    ("reason", "state", "words", "short"),
    [
        ("early_terminate: at band 9 (9 values logged): 0.7, below the best third (0.8)", "killed",
         "stopped early at band 9 (9 values logged): 0.7, below the best third (0.8)", "band 9"),
        ("stopped by the user", "killed", "stopped by the user", "by user"),
        ("the sweep was canceled", "running", "is to stop: the sweep was canceled", ""),
        ("", "killed", "stopped early, as the histories are now: at band 3", ""),
        ("stopped by the user", "finished", "", ""),
    ],
)  # fmt: skip
def test_why_a_run_was_stopped_is_said_in_words(reason: str, state: str, words: str, short: str) -> None:
    run = RunRecord("a", "a", RunState(state), stop_reason=reason)
    assert stop_words(run, "at band 3") == words
    assert short_stop_words(run) == short
