"""What the runs of a sweep say: which parameters matter, which differences are chance, what could have been saved."""
