"""The read-only pages behind the addresses that the SDK prints: server-rendered, no script, nothing from elsewhere."""

from trainer.server.web_pages.addresses import routes

__all__ = ["routes"]
