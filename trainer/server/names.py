"""Short ids and the display names that people see where they gave none."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_lowercase + string.digits
_ADJECTIVES = (
    "amber autumn bold brisk bright calm clear cosmic crisp dashing deep eager earnest fast fluent fresh gentle glad "
    "golden graceful happy honest keen light lively lucky lunar mellow misty noble polar proud quiet rapid rosy "
    "royal silver smooth snowy solar stellar sunny swift tidy vivid warm wise young"
).split()
_NOUNS = (
    "aurora bird breeze brook butterfly canyon cloud comet dawn dew dream dune field fire flower forest frog galaxy "
    "glade grass haze hill jazz lake leaf meadow moon mountain oath ocean paper pine planet plant pond rain resonance "
    "river sea shadow sky snow sound star stone sun surf thunder tree valley violet voice water wave wind wood"
).split()


def new_id() -> str:
    """Return a short id as the SDK makes them: eight letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))


def invented_name(sweep: str | None, number: int) -> str:
    """Return a display name such as `brisk-river-7`; runs of a sweep are named after it."""
    noun = "sweep" if sweep else secrets.choice(_NOUNS)
    return f"{secrets.choice(_ADJECTIVES)}-{noun}-{number}"
