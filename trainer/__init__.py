"""The headless half of sweep-tui: training, sweeps, search, agents and the embedded W&B server."""
