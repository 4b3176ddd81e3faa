"""`python -m tui`: the same as `sweep-tui`."""

from __future__ import annotations

from tui.cli import main

main()
