"""What a sweep is: its file, its parameters, its space, its problems, its command. Pure values, no network."""
