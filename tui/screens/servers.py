"""ServersScreen: which W&B server to be at, of those at hand, or another one that is logged in to here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Input, Label, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from trainer.errors import TrainerError
from trainer.settings import CLOUD_URL, ServerKind, Settings, key_page, server_word
from tui.screens.list_dialog import ListDialog

LOGIN = "login"
READ = "read-servers"
_ANOTHER = "another"
_CLOUD = "cloud"

LogIn = Callable[[str, str], tuple[Settings, str]]
"""Checks and stores a key: the server and the key in, its settings and the owner out; blocks."""


class ServersScreen(ListDialog[Settings | None]):
    """Asks which server; None to stay at the one there is."""

    CSS_PATH = "servers.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="servers.back", tooltip="Go back; nothing is changed"),
    ]

    @dataclass
    class ServersRead(Message):
        """It is known which servers are at hand."""

        servers: dict[str, Settings]

    @dataclass
    class LoggedIn(Message):
        """The server took the key."""

        settings: Settings
        owner: str

    @dataclass
    class LoginFailed(Message):
        """It did not."""

        error: TrainerError

    options = getters.query_one("#servers", OptionList)

    def __init__(self, current: Settings, read: Callable[[], dict[str, Settings]], log_in: LogIn) -> None:
        """Create the dialog.

        Args:
            current: The server that the app is at.
            read: Returns the servers at hand by a word for each; blocks.
            log_in: Logs in to another.
        """
        super().__init__()
        self.current = current
        self._read = read
        self._log_in = log_in
        self.servers: Mapping[str, Settings] = {}
        self._asks_for_key = False

    def compose(self) -> ComposeResult:
        """Compose the list and, hidden until it is asked for, the login."""
        with Vertical(classes="dialog servers-dialog"):
            yield Static("Servers", classes="dialog-title")
            yield OptionList(id="servers", compact=True, markup=False)
            with Vertical(id="login"):
                with Horizontal(classes="field-line"):
                    yield Label("server", classes="field-label")
                    yield Input(placeholder="https://wandb.example.com", id="login-server", compact=True)
                with Horizontal(classes="field-line"):
                    yield Label("API key", classes="field-label")
                    yield Input(placeholder="not shown while you type", id="login-key", password=True, compact=True)
                yield Static("", id="login-note", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Static("enter chooses · esc goes back", id="servers-keys")
                yield Button("Back", id="decline")
                yield Button("Choose", id="agree", variant="primary")

    def on_mount(self) -> None:
        """Read the servers: netrc and settings may lie on a slow disk."""
        self.options.focus()
        self.read_servers()

    @work(thread=True, exclusive=True, exit_on_error=False, group=READ)
    def read_servers(self) -> None:
        """Find the servers at hand."""
        worker = get_current_worker()
        found = self._read()
        if not worker.is_cancelled:
            self.post_message(self.ServersRead(found))

    @on(ServersRead)
    def _show_servers(self, message: ServersRead) -> None:
        self.servers = message.servers
        rows = [(word, _words(settings)) for word, settings in message.servers.items()]
        if not any(settings.kind is ServerKind.CLOUD for settings in message.servers.values()):
            rows.append((_CLOUD, ("W&B cloud", "log in with your key")))
        rows.append((_ANOTHER, ("Another server…", "or another key")))
        width = max(len(name) for _, (name, _) in rows)
        here = server_word(self.current)
        self.options.clear_options()
        for word, (name, said) in rows:
            mark, said = ("●", f"{said}, you are here") if word == here else (" ", said)
            text = Content.from_markup(
                "$mark $name  [$foreground 60%]$said[/]", mark=mark, name=name.ljust(width), said=said
            )
            self.options.add_option(Option(text, id=word))
        self.options.highlighted = next((row for row, (word, _) in enumerate(rows) if word == here), 0)

    @on(OptionList.OptionSelected)
    def _option_selected(self, message: OptionList.OptionSelected) -> None:
        self._choose(message.option_id or "")

    def _choose(self, word: str) -> None:
        if word in self.servers:
            self.dismiss(self.servers[word])
            return
        self._asks_for_key = True
        self.add_class("-login")
        server = self.query_one("#login-server", Input)
        server.value = CLOUD_URL if word == _CLOUD else ""
        self.query_one("#login-key" if word == _CLOUD else "#login-server", Input).focus()
        self._say_where()

    @on(Input.Changed, "#login-server")
    def _say_where(self) -> None:
        url = self.query_one("#login-server", Input).value.strip().rstrip("/")
        self._note(f"Your key: {key_page(url)}" if url else "")

    def _note(self, text: str, *, is_problem: bool = False) -> None:
        note = self.query_one("#login-note", Static)
        note.set_class(is_problem, "-problem")
        note.update(f"✗ {text}" if is_problem else text)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        key = self.query_one("#login-key", Input)
        if message.input is not key and not key.value:
            key.focus()
            return
        self._begin_login()

    @on(Button.Pressed)
    def _pressed(self, message: Button.Pressed) -> None:
        if message.button.id == "decline":
            self.action_back()
        elif self._asks_for_key:
            self._begin_login()
        elif self.options.highlighted is not None:
            self._choose(self.options.get_option_at_index(self.options.highlighted).id or "")

    def _begin_login(self) -> None:
        server, key = self.query_one("#login-server", Input).value.strip(), self.query_one("#login-key", Input).value
        if not server:
            self._note("Which server? Type its address.", is_problem=True)
            return
        self._note(f"Asking {server} …")
        self.log_in(server, key)

    @work(thread=True, exclusive=True, exit_on_error=False, group=LOGIN, description="log in")
    def log_in(self, server: str, key: str) -> None:
        """Check and store the key."""
        worker = get_current_worker()
        try:
            settings, owner = self._log_in(server, key)
        except TrainerError as error:
            if not worker.is_cancelled:
                self.post_message(self.LoginFailed(error))
            return
        if not worker.is_cancelled:
            self.post_message(self.LoggedIn(settings, owner))

    @on(LoginFailed)
    def _say_failure(self, message: LoginFailed) -> None:
        self._note(str(message.error), is_problem=True)
        self.query_one("#login-key", Input).focus()

    @on(LoggedIn)
    def _go_there(self, message: LoggedIn) -> None:
        self.app.notify(f"Logged in as {message.owner}; wandb keeps the key.", title="Server", markup=False)
        self.dismiss(message.settings)

    def action_back(self) -> None:
        """Close the login, else the dialog."""
        self.workers.cancel_group(self, LOGIN)
        if not self._asks_for_key:
            self.dismiss(None)
            return
        self._asks_for_key = False
        self.query_one("#login-key", Input).value = ""
        self.remove_class("-login")
        self.options.focus()


def _words(settings: Settings) -> tuple[str, str]:
    """Return what a server is called, and what there is to say of it."""
    if settings.kind is ServerKind.EMBEDDED:
        return "embedded server", "on this machine, no account"
    if settings.kind is ServerKind.CLOUD:
        return "W&B cloud", "logged in"
    return settings.base_url, "logged in"
