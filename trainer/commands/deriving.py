"""`narrow` and `fork`: a new sweep out of one that has run. Both write a configuration; neither creates a sweep."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainer.commands.options import AppOpener, find_sweep, narrate, server_options
from trainer.commands.planning import load_clean
from trainer.errors import InputError
from trainer.settings import resolve_settings

if TYPE_CHECKING:
    from trainer.search.narrowing import Narrowing


class Share(click.ParamType):  # type: ignore[type-arg]
    """A share of a whole: `20%` or `0.2`."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the share as a number between 0 and 1."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = 0.0
        if not 0 < share < 1:
            self.fail(f"{text!r} is no share of the runs; write 20% or 0.2.", param, ctx)
        return share


@click.command(short_help="Narrow SWEEP's space to the region of its best runs.")
@click.argument("sweep")
@click.option("--top", type=Share(), default=0.2, show_default="20%", help="Share of the runs that count as the best.")
@click.option("--metric", help="Rank by this metric instead of the sweep's; needs no goal when it is the same.")
@click.option("--goal", type=click.Choice(["minimize", "maximize"]), help="Which direction of --metric is better.")
@click.option("--by", type=click.Choice(["last", "best"]), default="best", show_default=True, help="Which value ranks.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Write the narrowed sweep here instead of printing a diff."
)
@server_options
def narrow(
    sweep: str,
    top: float,
    metric: str | None,
    goal: str | None,
    by: str,
    output: Path | None,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Show how the space of SWEEP is narrowed to where its best runs lie, each change with its reason.

    What may be chance stays as it is. Without -o the difference is printed, and nothing is written.
    """
    from trainer.search.narrowing import narrowing
    from trainer.sweep.config import dump_sweep_config
    from trainer.tracking.evaluated import evaluated
    from trainer.tracking.leaderboard import ranking_metric

    _, client, record = find_sweep(sweep, resolve_settings(server, entity, project))
    ranked_by = ranking_metric(record, metric, goal)
    if ranked_by is None:
        raise InputError(
            f"Sweep {record.reference} names no metric, so none of its runs is best.", hint="Name one with --metric."
        )
    runs = client.read_runs(record, ranked_by if by == "best" else None)
    found = narrowing(
        record.config, evaluated(runs, ranked_by, "best" if by == "best" else "last"), ranked_by.goal, top=top
    )
    if found.problem:
        raise InputError(found.problem, hint="Let it run on, or rank by a metric that more runs have.")
    for line in _reasons(found):
        narrate(line)
    if not found.changes:
        narrate("Nothing to narrow.")
        return 0
    if output is None:
        click.echo(config_diff(dump_sweep_config(record.config), dump_sweep_config(found.config())), nl=False)
    else:
        write_new(output, dump_sweep_config(found.config()))
    return 0


@click.command(short_help="Fork SWEEP: its space again, without the points its runs have covered.")
@click.argument("sweep")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write the sweep here instead of on stdout.")
@click.option("--no-reuse", is_flag=True, help="Run every point again.")
@click.option("--only-missing", is_flag=True, help="Write grids of only the points that no run has covered.")
@click.option("--like", type=click.Path(path_type=Path), help="With --only-missing: the points of this sweep file.")
@server_options
@click.pass_obj
def fork(
    app: AppOpener | None,
    sweep: str,
    output: Path | None,
    no_reuse: bool,
    only_missing: bool,
    like: Path | None,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Make a new sweep of the space of SWEEP: in the builder on a terminal, as YAML elsewhere or with -o.

    A note in the YAML says that the runs of SWEEP are reused: `sweep-tui run` has the search start from them, and the
    embedded server runs no finished point again. Another server decides that for itself; --only-missing asks none.
    """
    from trainer.sweep.config import dump_sweep_config
    from trainer.tracking.forking import coverage, fork_text, missing_configs, read_reusable_runs

    if like is not None and not only_missing:
        raise click.UsageError("--like belongs to --only-missing.")
    settings = resolve_settings(server, entity, project)
    _, client, record = find_sweep(sweep, settings)
    if only_missing:
        config = load_clean(like) if like is not None else dict(record.config)
        done = coverage(config, read_reusable_runs(client, record.reference))
        narrate(done.text())
        return _write_all([dump_sweep_config(each) for each in missing_configs(record, config, done)], output)
    text = fork_text(record, reuse=not no_reuse)
    if not no_reuse:
        narrate(coverage(record.config, read_reusable_runs(client, record.reference)).text())
    if output is not None:
        write_new(output, text)
    elif app is not None and app.can_open():
        return app.open_builder(settings, text)
    else:
        click.echo(text, nl=False)
    return 0


def _write_all(texts: Sequence[str], output: Path | None) -> int:
    """Write one file, or several numbered ones; on stdout one after the other."""
    if not texts:
        narrate("No point is missing.")
    for number, text in enumerate(texts, start=1):
        if output is None:
            click.echo(f"{'---' + chr(10) if number > 1 else ''}{text}", nl=False)
        else:
            write_new(output if len(texts) == 1 else output.with_stem(f"{output.stem}-{number}"), text)
    return 0


def _reasons(found: Narrowing) -> list[str]:
    lines = [f"~ {change.name}: {change.reason}" for change in found.changes]
    return lines + [f"= {kept.name}: {kept.reason}" for kept in found.kept]


def config_diff(before: str, after: str, source: str = "before", target: str = "after") -> str:
    """Return the difference of two texts, as `diff -u` prints it; empty where there is none."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), source, target, n=2, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet.

    Raises:
        InputError: If it is there, or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InputError(f"{path} is there already.", hint="Name another file.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.", hint="Name another file.") from error
    narrate(f"Wrote {path}.")
