"""No secret ever: a key that is searched for after every command, with a server that takes it and one that does not."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import click
import pytest

from tests.e2e.canary import leaks, watched_command_lines
from tests.e2e.conftest import BIN
from tests.e2e.terminal import Terminal
from trainer.agents.pool import live_hosts
from trainer.cli import build_cli, run_cli
from trainer.server.lifecycle import ServerAddress, ensure_running, stop_server
from tui.cli import TerminalApp
from tui.look_options import LookWish, add_look_options

ACCEPTED = "wandb_v1_" + "cAnArYtHaTsInGs" * 3 + "_" + "AbCdEf0123456789" * 2
"""In the form of the keys that W&B gives out now, and the server's own here."""
REFUSED = "c0ffee" + "dad1d0" * 5 + "beef"
"""In the form of those it gave out before; the server does not know it."""
PROGRAM = """
import sys, wandb
run = wandb.init()
for step in range(3):
    wandb.log({"loss": wandb.config.x / (step + 1)})
model = wandb.Artifact(f"m-{run.id}", type="model")
with model.new_file("model.txt") as file:
    file.write("x")
run.log_artifact(model, aliases=["best"])
if wandb.config.x == 2:
    raise RuntimeError(f"it broke in {run.settings.base_url}")
"""
SWEEP_FILE = """program: program.py
method: grid
metric: {name: loss, goal: minimize}
parameters: {x: {values: [1, 2]}}
"""
_AT = ["--server", "{url}", "--entity", "local", "--project", "canary"]
_PICK = ["--metric", "loss", "--goal", "minimize", "--by", "last"]
_LIMITS = [
    "--timeout", "5m", "--budget", "5m", "--budget-ends-runs", "--max-failures", "9", "--retry", "cuda_oom=1",
    "--on-failure", "cuda_error=skip", "--slot-failures", "3", "--keep-leftovers", "--fresh", "--live",
]  # fmt: skip
_ON_GPUS = ["--gpus", "all", "--gpus-per-run", "1", "--slots-per-gpu", "1"]
COMMANDS: Mapping[str, Sequence[Sequence[str]]] = {
    "": [["--version"], [*_AT, "--theme", "nord", "--plain"], ["--web", "--port", "{port}", "--host", "127.0.0.1"]],
    "run": [
        [
            "sweep.yaml", "--agents", "1", "--count", "2", "--dataset", "iris", "--seed", "1", "--name", "n",
            "--headless", "--notify", "--json", "run.json", "--assert", "best(loss)<=0.0", "--baseline",
            "best.yaml", "--margin", "1",
            "--junit", "junit.xml", "--summary", "summary.md", "--theme", "nord", "--plain", *_LIMITS, *_AT,
        ],
        ["nowhere.yaml"], ["sweep.yaml", *_ON_GPUS],
    ],
    "agent": [
        [
            "{sweep}", "--agents", "1", "--count", "1", "--new-host", "--detach", "--retry-failed", "--include-killed",
            "--include-holes", "--dry-run", *_LIMITS, *_AT,
        ],
        ["{sweep}", "--detach", *_ON_GPUS],
    ],
    "agents": [["--all", "--json"], ["--all"]],
    "agents scale": [["{sweep}", "1"]],
    "agents drain": [["{sweep}", "--slot", "1"]],
    "agents stop": [["{sweep}", "--run", "{run}"]],
    "agents logs": [["{sweep}", "--slot", "1", "--lines", "99"], ["{sweep}", "--run", "{run}", "--follow"]],
    "agents attach": [["{sweep}"]],
    "params": [["program.py", "--format", "yaml"], ["--module", "json.tool"]],
    "plan": [["sweep.yaml", "--limit", "3", "--where", "x=1", "--agents", "2", "--gpus-per-run", "1", "--json"]],
    "check": [["sweep.yaml", "--json"], ["sweep.yaml", "--fix", "--diff"]],
    "try": [["broken.yaml", "--point", "1", "--steps", "1", "--timeout", "9s", "--json"],
        ["broken.yaml", "--extremes"]],
    "export": [["sweep.yaml", "--as", form, "--agents", "2", *_AT] for form in ("wandb", "python", "yaml")],
    "leaderboard": [
        [
            "{sweep}", "--top", "3", *_PICK, "--where", "x=1", "--format", "csv", "-o", "board.csv", "--all-columns",
            *_AT,
        ],
        ["{sweep}", "nosuch00", *_AT],
    ],
    "best": [["{sweep}", "--by", "last", "--format", "json", *_AT], ["{sweep}", *_AT]],
    "points": [["{sweep}", "--json", *_AT]],
    "pause": [["{sweep}", *_AT]],
    "resume": [["{sweep}", *_AT]],
    "compare": [["{sweep}", "{sweep}", "--format", "json", "-o", "compared.json", *_AT]],
    "insight": [
        ["{sweep}", *_PICK, "--group", "x", "--against", "x", "--seeds", "seed", "--format", "json", *_AT],
    ],
    "report": [
        ["{sweep}", "--format", "html", "-o", "report.html", *_PICK, *_AT], ["{sweep}", "-o", "r.md", *_AT],
        ["{sweep}", "--wandb", "--new", *_AT],
    ],
    "fork": [["{sweep}", "-o", "fork.yaml", "--no-reuse", "--only-missing", "--like", "sweep.yaml", *_AT]],
    "narrow": [["{sweep}", "--top", "50%", *_PICK, "-o", "narrow.yaml", *_AT]],
    "bundle": [["{sweep}", "-o", "b.sweep.zip", "--history", "9", "--console", "99", "--with-files", *_AT]],
    "publish": [["{sweep}", "--to", "{url}", "--from", "{url}", "-e", "local", "-p", "copy", *more] for more in (
        ["--dry-run", "--json"], [])],
    "promote": [["{sweep}", "--alias", "production", "--registry", "reg", "--by", "last", *_AT]],
    "fetch-best": [["{sweep}", "-o", "model", "--force", "--by", "last", *_AT]],
    "gpus": [["--json"]],
    "serve": [["--port", "{port}", "--data-dir", "{folder}", "--host", "127.0.0.1", "--allowed-host", "here"]],
    "server": [[]],
    "server status": [["--data-dir", "{folder}", "--json"]],
    "server vacuum": [["--data-dir", "{folder}"]],
    "server delete-project": [["nosuch", "--data-dir", "{folder}", "--yes", "--force"]],
    "env": [[*_AT], ["--data-dir", "{folder}"]],
    "train": [["--help"], ["--dataset", "nosuch"]],
    "open": [
        ["{sweep}", "--theme", "nord", "--plain", *_AT],
        ["{sweep}", "--web", "--port", "{port}", "--host", "127.0.0.1"],
    ],
    "stop": [["{sweep}", *_AT]],
    "cancel": [["{sweep}", *_AT]],
    "server stop": [["--data-dir", "nowhere", "--yes"]],
}  # fmt: skip
"""What is said, by command: all options of each."""


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its words."""
    yield path, group
    for name, command in group.commands.items():
        words = f"{path} {name}".strip()
        if isinstance(command, click.Group):
            yield from commands(command, words)
        else:
            yield words, command


@functools.cache
def whole_group() -> click.Group:
    # Once: the options of looks are added to commands that are there once.
    wish = LookWish()
    group = build_cli(TerminalApp(wish))
    add_look_options(group, wish)
    return group


def test_every_command_and_option_is_tried_with_the_canary() -> None:
    tree = dict(commands(whole_group()))
    assert set(tree) == set(COMMANDS), "a command that is not tried with a key"
    for words, command in tree.items():
        said = {word for arguments in COMMANDS[words] for word in arguments}
        options = [each for each in command.params if isinstance(each, click.Option)]
        untried = [each.opts for each in options if not {*each.opts, *each.secondary_opts} & said]
        assert untried == [], f"options of {words or 'the program'} that are not tried with a key"


class Tried:
    """Says commands in this process, with a key in its environment."""

    def __init__(self, filled: Mapping[str, str]) -> None:
        self.filled = dict(filled)

    def say(self, words: str, arguments: Sequence[str]) -> None:
        line = [word.format_map(self.filled) for word in [*words.split(), *arguments]]
        print(f"$ {line}")
        # An error that is no exit would be a traceback for the user, and fails the test.
        with suppress(SystemExit):
            run_cli(whole_group(), line)

    def say_all(self, *, but: Sequence[Sequence[str]]) -> None:
        for words, lines in COMMANDS.items():
            for arguments in lines:
                if words != "serve" and arguments not in but:
                    self.say(words, arguments)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerAddress]:
    folder = tmp_path / "server"
    folder.mkdir(mode=0o700)
    (folder / "api_key").write_text(ACCEPTED)
    yield ensure_running(folder)
    for host in live_hosts():
        host.request_stop()
        host.wait(20)
    stop_server(folder)


def test_no_key_is_in_anything_that_any_command_leaves(
    server: ServerAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    work, home = tmp_path / "work", Path(os.environ["HOME"])
    work.mkdir()
    monkeypatch.chdir(work)
    for name, text in {
        "program.py": PROGRAM, "broken.py": "import nowhere", "sweep.yaml": SWEEP_FILE,
        "broken.yaml": SWEEP_FILE.replace("program.py", "broken.py"), 
        "best.yaml": "{metric: loss, value: 0.1, goal: minimize}\n",
    }.items():  # fmt: skip
        (work / name).write_text(text)
    for name, value in {
        "WANDB_BASE_URL": server.base_url, "WANDB_API_KEY": ACCEPTED, "WANDB_PROJECT": "canary",
        "WANDB_CORE_DEBUG": "true", "WANDB_DEBUG": "true", "PYTHONFAULTHANDLER": "1", "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": "step.md", "GITHUB_REF_NAME": "main", "GITHUB_SHA": "0" * 40,
        "WANDB_INIT_TIMEOUT": "60",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    filled = {
        "url": server.base_url, "port": server.base_url.rpartition(":")[2], "folder": str(tmp_path / "server"),
        "sweep": "canary/none0000", "run": "none0000",
    }  # fmt: skip
    tried = Tried(filled)
    with watched_command_lines() as lines:
        tried.say("run", COMMANDS["run"][0])
        sweep = _sweep_of(work)
        tried.filled |= {"sweep": sweep}
        tried.say_all(but=COMMANDS["run"][:1])
        _see_the_app(sweep, work)
        _serve(tmp_path)
        monkeypatch.setenv("WANDB_API_KEY", REFUSED)
        # That server's own key, which opens nothing else, is what `env` is for; `try` asks no server.
        tried.say_all(but=[COMMANDS["env"][1], *COMMANDS["try"]])
    said = capfd.readouterr()
    (work / "said").write_text(f"{said.out}\n{said.err}\n" + "\n".join(lines))
    assert "refused the API key" in said.err and "it broke in" in (work / "said").read_text(), "it was tried at all"
    assert len([line for line in lines if "trainer.agents" in line]) >= 1
    assert list(home.rglob("debug*.log")) or list(work.rglob("debug*.log")), "wandb's own logs are there"
    assert (work / "b.sweep.zip").exists() and (work / "r.md").exists() and (work / "model").exists()
    assert leaks([tmp_path, home], [ACCEPTED, REFUSED]) == []


def _sweep_of(work: Path) -> str:
    """Return the sweep that was run, by what its report says."""
    told = json.loads((work / "run.json").read_text())
    assert [run["state"] for run in told["runs"]].count("failed") == 1, "one of its runs failed, with its traceback"
    return str(told["sweep"])


def _see_the_app(sweep: str, work: Path) -> None:
    with Terminal([str(BIN / "sweep-tui"), "open", sweep], os.environ, work, 120, 36) as terminal:
        print(terminal.wait_for("1 failed", "it broke"))
        terminal.press("q")
        terminal.wait()


def _serve(tmp_path: Path) -> None:
    """Run a server of its own with the key, as `COMMANDS` says it."""
    folder = tmp_path / "served"
    folder.mkdir(mode=0o700)
    (folder / "api_key").write_text(ACCEPTED)
    with socket.create_server(("127.0.0.1", 0)) as free:
        filled = {"port": str(free.getsockname()[1]), "folder": str(folder)}
    line = [word.format_map(filled) for word in COMMANDS["serve"][0]]
    process = subprocess.Popen([sys.executable, "-m", "trainer", "serve", *line], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    print(process.stderr.readline())
    process.send_signal(signal.SIGTERM)
    print(process.communicate(timeout=30)[1])
