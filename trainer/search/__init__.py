"""Which configuration a sweep runs next, and which run it stops early: ask and tell."""
