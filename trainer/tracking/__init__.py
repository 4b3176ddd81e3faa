"""Read and steer sweeps on any W&B-compatible server."""
