"""W&B's JSON to records and back (SDK 0.31): the only module that knows the field names on the wire."""

from __future__ import annotations
