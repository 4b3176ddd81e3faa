"""One run: arguments in, metrics streamed, model and provenance logged. Start at `command.train_from_argv`."""
