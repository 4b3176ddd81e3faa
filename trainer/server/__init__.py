"""The embedded W&B-compatible server: one process, one SQLite file, loopback only."""
