"""Training programs as people write them, for tests: argparse and click in many dresses."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

FILES: dict[str, str] = {
    "plain.py": """
        import argparse

        def main():
            parser = argparse.ArgumentParser(description="train a net")
            parser.add_argument("--learning-rate", "--lr", dest="lr", type=float, default=1e-3, help="step  size")
            parser.add_argument("--batch_size", type=int, default=32)
            parser.add_argument("-e", "--epochs", default="10", type=int)
            parser.add_argument("--optimizer", choices=["sgd", "adam"], default="adam")
            parser.add_argument("--amp", action="store_true", help="mixed precision")
            parser.add_argument("--no-cuda", action="store_false", dest="cuda")
            parser.add_argument("--ema", action=argparse.BooleanOptionalAction, default=True)
            parser.add_argument("-v", "--verbose", action="count", default=0)
            parser.add_argument("--betas", type=float, nargs=2, default=[0.9, 0.999])
            parser.add_argument("--layers", type=int, nargs="+", default=[64, 64])
            parser.add_argument("--resume", nargs="?", const="last", default=None)
            parser.add_argument("--momentum", type=float, default=0.9)
            args = parser.parse_args()
            print(args.lr)

        if __name__ == "__main__":
            main()
        """,
    "options/__init__.py": "",
    "options/base.py": """
        from . import names
        import argparse as ap

        ACTIVATIONS = ("relu", "tanh") + names.EXTRA

        class BaseOptions:
            def __init__(self):
                self.parser = ap.ArgumentParser(formatter_class=ap.ArgumentDefaultsHelpFormatter)

            def initialize(self):
                self.parser.add_argument("--activation", choices=ACTIVATIONS, default=ACTIVATIONS[0])
                self.parser.add_argument("--depth", type=int, default=2 ** 3)

            def parse(self):
                self.initialize()
                return self.parser.parse_args()
        """,
    "options/names.py": 'EXTRA = tuple(sorted({"gelu", "elu"}))\n',
    "inherited.py": """
        from options.base import BaseOptions

        class TrainOptions(BaseOptions):
            def initialize(self):
                super().initialize()
                group = self.parser.add_argument_group("training")
                group.add_argument("--dropout", type=float, default=0.1)
                self.parser.set_defaults(depth=4)

        opt = TrainOptions().parse()
        """,
    "looped.py": """
        import argparse

        def str2bool(text):
            if text.lower() in ("true", "1"):
                return True
            if text.lower() in ("false", "0"):
                return False
            raise argparse.ArgumentTypeError(text)

        DEFAULTS = dict(width=64, lr=3e-4, use_bn=True, name="net")

        def add_dict_to_argparser(parser, values):
            for key, value in values.items():
                kind = type(value)
                if value is None:
                    kind = str
                elif isinstance(value, bool):
                    kind = str2bool
                parser.add_argument(f"--{key}", default=value, type=kind)

        def create_argparser():
            defaults = dict(steps=100)
            defaults.update(DEFAULTS)
            parser = argparse.ArgumentParser()
            add_dict_to_argparser(parser, defaults)
            for index, part in enumerate(["encoder", "decoder"]):
                parser.add_argument("--" + part + "_layers", type=int, default=index + 1)
            common = dict(type=int, choices=range(1, 5), default=2)
            parser.add_argument("--heads", **common)
            return parser

        args = create_argparser().parse_args()
        """,
    "parents.py": """
        import argparse

        base = argparse.ArgumentParser(add_help=False)
        base.add_argument("--seed", type=int, default=0)
        parser = argparse.ArgumentParser(parents=[base], allow_abbrev=False)
        parser.add_argument("data")
        parser.add_argument("--out", required=True)
        parser.add_argument("--flag-with-bool-type", type=bool, default=False)
        if True:
            parser.add_argument("--kind", default="a", choices=[name for name in ("a", "b")])
        parser.parse_args()
        """,
    "enums.py": """
        import argparse
        from enum import Enum
        from pathlib import Path

        class Schedule(Enum):
            COSINE = "cosine"
            LINEAR = "linear"

        LOSSES = {"mse": None, "l1": None}
        parser = argparse.ArgumentParser()
        parser.add_argument("--schedule", type=str, choices=[each.value for each in Schedule], default="cosine")
        parser.add_argument("--loss", choices=list(LOSSES.keys()), default="mse")
        parser.add_argument("--out-dir", type=Path, default=None)
        parser.add_argument("--warmup", type=lambda text: int(float(text)), default=100)
        parser.parse_args()
        """,
    "clicked.py": """
        import click

        def shared(function):
            for option in reversed([
                click.option("--seed", type=int, default=0, show_default=True),
                click.option("--lr", default=1e-3, help="step size"),
            ]):
                function = option(function)
            return function

        @click.command()
        @shared
        @click.option("--batch-size", "-b", type=click.IntRange(1, 512), default=32)
        @click.option("--drop_out", type=click.FloatRange(0, 1), default=0.1)
        @click.option("--opt", type=click.Choice(["sgd", "adam"]), default="adam")
        @click.option("--shout/--no-shout", default=True)
        @click.option("--amp", is_flag=True)
        @click.option("--use-bn", type=bool, default=True)
        @click.option("--name", required=True)
        @click.option("--tag", multiple=True)
        @click.option("--window", nargs=2, type=int, default=(1, 2))
        def main(**options):
            pass

        if __name__ == "__main__":
            main()
        """,
    "grouped.py": """
        import functools

        import click

        def common(function):
            @click.option("--seed", type=int, default=0)
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return function(*args, **kwargs)
            return wrapper

        @click.group()
        def cli():
            pass

        @cli.command()
        @common
        @click.option("--lr", type=float, default=0.1)
        @click.argument("data")
        def train(**options):
            pass

        @cli.command("eval")
        @click.option("--checkpoint", required=True)
        def evaluate(checkpoint):
            pass

        cli()
        """,
    "subparsers.py": """
        import argparse

        def train(args):
            pass

        def build():
            parser = argparse.ArgumentParser()
            parser.add_argument("--debug", action="store_true")
            commands = parser.add_subparsers(dest="command", required=True)
            one = commands.add_parser("train", help="train it")
            one.add_argument("--lr", type=float, default=0.1)
            one.set_defaults(func=train)
            two = commands.add_parser("export")
            two.add_argument("--format", choices=["onnx", "pt"], default="onnx")
            return parser

        args = build().parse_args()
        args.func(args)
        """,
}
"""Programs by path."""

ARGPARSE = ("plain.py", "inherited.py", "looped.py", "parents.py", "enums.py")
CLICK = ("clicked.py", "grouped.py")


def write_examples(folder: Path) -> None:
    """Write every program below a folder."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip())
