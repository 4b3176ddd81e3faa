"""Fixtures of more than one module; those that a module defines itself go before them."""

from __future__ import annotations

from tests.contract.agent_launches import agents_server, client, launch

__all__ = ["agents_server", "client", "launch"]
