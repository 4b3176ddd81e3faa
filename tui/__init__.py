"""The Textual app of sweep-tui: it shows and asks; `trainer` does."""
