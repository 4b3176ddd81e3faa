"""A sweep in one file: written from a server, opened without one. The format is described in docs/bundle.md."""
