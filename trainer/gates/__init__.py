"""Gates: what a sweep must have reached for its command to succeed, and how a CI system is told."""
