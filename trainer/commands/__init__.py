"""The commands, one module per kind of work: arguments in, one call into `trainer`, text out.

Each command imports what it needs when it runs, so that `--help` and the app's first paint wait for nothing.
"""
