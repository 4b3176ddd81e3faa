"""Runs inside the sweep's own interpreter: imports what the program imports, then forks one child per run.

Started by path, not by name: that interpreter may be any CPython from 3.8 on, with nothing of ours installed. So this
package uses the standard library only, refers to itself by relative imports, and is loaded as `_sweep_tui_bootstrap`,
which cannot hide a module of the program.
"""
