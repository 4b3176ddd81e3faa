"""Try a sweep's program before the sweep is launched: real runs of a few configurations, cut short, thrown away."""
