"""How many threads a run's numerical libraries use: one, unless the user says otherwise. Knows nothing of models.

The agents are a sweep's parallelism. Left alone, each run would start a thread per core, and runs beside each other
would wait for one another: on two busy cores a network of 2 x 512 units took 32 s with two threads and 9 s with one,
XGBoost 5.6 s and 0.5 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Where the libraries read how many threads they may use; one that is set is left to them."""


SHARE_VARIABLE = "SWEEP_TUI_CPU_SHARE"
"""Set by our agents where they have set the first of `VARIABLES`: as a bound for programs that take all they see."""


def thread_count(environ: Mapping[str, str]) -> int:
    """Return how many threads one run may use: what the first of `VARIABLES` that the user has set says, else 1."""
    for name in VARIABLES[1:] if SHARE_VARIABLE in environ else VARIABLES:
        text = environ.get(name, "").split(",")[0].strip()
        if text.isdecimal() and int(text) > 0:
            return int(text)
    return 1


@contextmanager
def limited_threads(environ: Mapping[str, str]) -> Iterator[None]:
    """Hold the libraries that are loaded by now to `thread_count` while the block runs."""
    import threadpoolctl  # type: ignore[import-untyped]

    with threadpoolctl.threadpool_limits(thread_count(environ)):
        yield
