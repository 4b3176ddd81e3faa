"""A sweep of one W&B server made again on another: read raw, written as SDK 0.31 writes, repeatable at any point."""
