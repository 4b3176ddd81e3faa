"""`python -m trainer`: the commands, without the app."""

from __future__ import annotations

# What `train` imports within functions; the agents import it once for all runs of a sweep.
__warm_imports__ = (
    "sklearn.datasets", "sklearn.ensemble", "sklearn.inspection", "sklearn.metrics", "sklearn.model_selection",
    "sklearn.pipeline", "sklearn.preprocessing", "pandas", "joblib", "threadpoolctl", "wandb",
)  # fmt: skip

from trainer.cli import main

if __name__ == "__main__":
    main()
