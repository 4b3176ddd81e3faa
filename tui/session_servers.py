"""Which other servers an app can turn to: a part of `Session`. Every method blocks."""

from __future__ import annotations

from trainer.settings import Settings


class ServerChoice:
    """Lists servers, and logs in to one."""

    settings: Settings

    def servers_at_hand(self) -> dict[str, Settings]:
        """Return the servers that need no other login, by a word for each; that of the app comes first."""
        from trainer.login import servers_at_hand

        return servers_at_hand(self.settings)

    def log_in(self, server: str, key: str) -> tuple[Settings, str]:
        """Check a key with a server, have wandb store it, and return the server's settings and the key's owner.

        Raises:
            InputError, AuthenticationError, ServerError: If that cannot be.
        """
        from trainer.login import log_in

        return log_in(server, key)
