"""What a training program takes, read from its source without running it."""
