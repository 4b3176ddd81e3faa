"""Documents for a server that does not know all we ask of sweeps and runs. Pure.

Fields come and go between versions of W&B's server. What is asked of every sweep and run stands in fragments of names
alone; one that a server does not know is left out there, and shown as if it were empty.
"""

from __future__ import annotations

import re
from collections.abc import Set

_FRAGMENT = re.compile(r"(fragment \w+ on \w+ \{)([\w\s]*)(\})")


def without_fields(document: str, names: Set[str]) -> str:
    """Return a document without some fields in its fragments."""
    if not names:
        return document

    def shortened(found: re.Match[str]) -> str:
        kept = [name for name in found[2].split() if name not in names]
        return f"{found[1]} {' '.join(kept or ['id'])} {found[3]}"

    return _FRAGMENT.sub(shortened, document)
