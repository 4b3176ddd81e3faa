"""Processes on this machine that run the runs of sweeps, on any W&B server."""
