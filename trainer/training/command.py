"""The program that `sweeps/*.yaml` name: `train_from_argv` turns arguments into one run and an exit code.

It works the same under our agents, under stock `wandb agent`, and by hand with no sweep. Arguments are checked before
anything heavy is imported. A sweep whose command passes no `${args}` works, too: the parameters are read from the
file that the agent leaves, and from the run's configuration.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.ci_job import tags_of
from trainer.errors import AuthenticationError, InputError, TrainerError
from trainer.records import ORIGIN_KEY
from trainer.sweep.joint import is_joint_name, unpacked
from trainer.training import reporting
from trainer.training.arguments import Given, read_argv, read_sweep_parameters
from trainer.training.catalog import MODELS, OPTIONS, RUN_OPTIONS, TEXT_OPTIONS
from trainer.training.datasets import Split, check_dataset, load_split
from trainer.training.estimators import check_package
from trainer.training.metrics import FIT_SECONDS, GOALS
from trainer.training.provenance import provenance_of
from trainer.training.request import RunRequest, known_names, make_request, names_in, split_run_options
from trainer.training.stopping import StopRequest, listen_for_stop

if TYPE_CHECKING:
    import wandb

LocalServer = Callable[[], Mapping[str, str]]
"""Starts the embedded server and returns the variables that point wandb at it."""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_BAD_INPUT = 2


def train_from_argv(argv: Sequence[str], local_server: LocalServer | None = None) -> int:
    """Train one model as `argv` says, as one W&B run.

    Args:
        argv: What follows `python -m trainer train`.
        local_server: Starts the embedded server where no other is configured; None to refuse there.

    Returns:
        0 when done, 1 when the run failed or its server is lost, 2 for bad input (nothing was created), 130 or 143
        when a signal stopped it. The reason is one sentence on stderr.
    """
    if any(token in ("--help", "-h") for token in argv):
        print(help_text())
        return EXIT_DONE
    with listen_for_stop() as stop:
        try:
            return _train(argv, stop, local_server)
        except KeyboardInterrupt:
            print("Stopped.", file=sys.stderr)
            return stop.exit_code
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            return EXIT_BAD_INPUT
        except TrainerError as error:
            print(f"error: {error}", file=sys.stderr)
            return EXIT_FAILED


def _train(argv: Sequence[str], stop: StopRequest, local_server: LocalServer | None) -> int:
    # Stock agents hand over joint parameters whole; ours, their members.
    run_options, given = split_run_options(unpacked(read_argv(argv)))
    path = reporting.sweep_parameters_path(os.environ)
    as_handed_out = read_sweep_parameters(path) if path else {}
    of_sweep = unpacked(as_handed_out)
    request = make_request({**given, **of_sweep})
    check_dataset(request.dataset, request.target)
    check_package(request.model)
    _find_server(local_server)
    split = _load(request)
    recorded = {name: value for name, value in as_handed_out.items() if not is_joint_name(name)}
    added_names = request.given_names - names_in(recorded, request.model)
    config = {name: value for name, value in request.config().items() if name in added_names}
    run = reporting.start_run(run_options, config)
    exit_code = EXIT_FAILED
    try:
        exit_code = _train_in(run, request, split, of_sweep, recorded, stop)
    except KeyboardInterrupt:
        exit_code = stop.exit_code
        print("Stopped at once.", file=sys.stderr)
    except TrainerError as error:
        print(f"error: {error}", file=sys.stderr)
    finally:
        # Above 128 is a stop; a request that came when the model was done changes nothing.
        run.finish(exit_code=reporting.STOPPED_EXIT_CODE if exit_code > 128 else exit_code)
    return exit_code


def _find_server(local_server: LocalServer | None) -> None:
    """Point wandb at the embedded server where no other is configured.

    Raises:
        AuthenticationError: If no server is configured, or no key for it, and none may be started.
    """
    if reporting.has_server(os.environ):
        return
    if local_server is None:
        raise AuthenticationError(
            "No W&B server is configured for this run.",
            hint='Run `eval "$(sweep-tui env)"` for the embedded server, `wandb login` for the cloud, '
            "or set WANDB_MODE=offline.",
        )
    # The SDK and the wandb-core process that it starts read the address and the key from this process's environment.
    os.environ.update(local_server())


def _train_in(
    run: wandb.Run, request: RunRequest, split: Split, of_sweep: Given, recorded: Given, stop: StopRequest
) -> int:
    """Train within a run that has started, and return the exit code.

    Args:
        run: The run.
        request: What was asked for before the run's configuration was known.
        split: Its data.
        of_sweep: What the sweep gives, members of joint parameters under their own names.
        recorded: What of it the run's configuration has under these names already.
        stop: Whether somebody wants it to end.
    """
    stop.wait_for_step()
    in_config = dict(run.config)
    known = known_names(MODELS.get(str(in_config.get("model")), request.model))
    settled = make_request({**{name: value for name, value in in_config.items() if name in known}, **of_sweep})
    if settled.config() != request.config():
        # wandb's own configuration files added something that nobody gave on the command line.
        check_package(settled.model)
        request, split = settled, _load(settled)
    provenance = provenance_of(request, os.environ, Path.cwd())
    recorded_names = names_in(recorded, request.model)
    missing = {name: value for name, value in request.config().items() if name not in recorded_names}
    reporting.add_to_config(run, {**missing, ORIGIN_KEY: provenance})
    run.tags = tuple(dict.fromkeys((*(run.tags or ()), *tags_of(provenance))))
    from trainer.training.loop import train_run

    print(_header_line(request, split), flush=True)
    outcome = train_run(run, request, split, stop)
    unit = request.model.unit
    if stop and not outcome.is_complete:
        print(f"Stopped as asked, after {outcome.step} of {outcome.steps} {unit}.", flush=True)
        return stop.exit_code
    accuracy, best = outcome.row["accuracy"], outcome.best["best_accuracy"]
    print(f"done: accuracy {accuracy:.3f} (best {best:.3f}), fitted in {outcome.row['fit_seconds']:.2f} s", flush=True)
    return EXIT_DONE


def _load(request: RunRequest) -> Split:
    return load_split(
        request.dataset, request.target, seed=request.seed, validation_fraction=request.validation_fraction
    )


def _header_line(request: RunRequest, split: Split) -> str:
    rows, features = split.training_x.shape
    line = (
        f"{request.model.name} on {request.dataset}: {rows} training and {len(split.validation_y)} validation rows, "
        f"{features} features, {len(split.class_names)} classes, seed {request.seed}"
    )
    return f"{line}; {split.dropped_rows} rows without a target left out" if split.dropped_rows else line


def help_text() -> str:
    """Return the help: options, then every model with its hyperparameters, their kinds and defaults."""
    lines = [
        "Usage: python -m trainer train [--dataset NAME|FILE.csv] [--model NAME] [--HYPERPARAMETER VALUE]…",
        "",
        "Train one model as one W&B run. --a_b and --a-b, `--name value` and `--name=value` are the same; None,",
        "true and false are written so. Nested parameters may be given as --group={'name': value}.",
        "",
        f"Logged as curves: {', '.join((*GOALS, FIT_SECONDS))}. In the summary `accuracy` is the last value and",
        "`best_accuracy` the best one of the run, and so for each metric.",
        "",
        "Options:",
    ]
    lines += [f"  --{name:<22} {text}" for name, text in {**TEXT_OPTIONS, **RUN_OPTIONS}.items()]
    lines += [f"  --{item.name:<22} {item.help}: {item.describe()} (default {item.default})" for item in OPTIONS]
    for model in MODELS.values():
        extra = f" (needs: pip install {model.package})" if model.package else ""
        lines += ["", f"{model.name}: {model.help}{extra}"]
        for item in model.hyperparameters:
            also = f"; also --{', --'.join(item.aliases)}" if item.aliases else ""
            lines.append(f"  --{item.name:<22} {item.help}: {item.describe()} (default {item.default}){also}")
    return "\n".join(lines)
