"""`wandb.config`: what a program puts into it, and what it takes out of it.

Source: wandb 0.31, `sdk/wandb_config.py`: a sweep's values beat those of `wandb.init(config=…)`.
"""

from __future__ import annotations

from trainer.programs.dataclass_reader import record_options
from trainer.programs.options import NONE_GIVEN, ProgramOption
from trainer.programs.trace import Trace, default_of
from trainer.programs.values import UNKNOWN, Bound, Call, ClassValue, Handler, Instance, Tracked, Value

_WHOLE = {"keys", "items", "values", "as_dict", "__getitem__", "get"}


class WandbConfig(Tracked):
    """The configuration of a run."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def attribute(self, name: str, evaluator: object) -> Value:
        """Take note of a read, or return a method."""
        if name in _WHOLE or name in ("update", "setdefaults"):
            return Bound(self, name)
        if not name.startswith("_"):
            self._read(name)
        return UNKNOWN

    def assigned(self, name: str, value: Value) -> None:
        """Take note of a default."""
        self.trace.uses_wandb_config = True
        self.trace.wandb_defaults.setdefault(name, ProgramOption(name, kind="any", default=default_of(value)))

    def call_method(self, name: str, call: Call) -> Value:
        """Follow what is done with it."""
        first = call.args[0] if call.args else UNKNOWN
        if name == "get" and isinstance(first, str):
            self._read(first, default_of(call.get("default", 1)))
        elif name in ("update", "setdefaults"):
            take_defaults(self.trace, first, call)
        else:
            self.trace.wandb_config_escapes = True
        return UNKNOWN

    def escaped(self, name: str, call: Call) -> None:
        """Take note that not every use is seen."""
        if name != "builtins.print":
            self.trace.uses_wandb_config = True
            self.trace.wandb_config_escapes = True

    def _read(self, name: str, default: object = NONE_GIVEN) -> None:
        self.trace.uses_wandb_config = True
        option = ProgramOption(name, kind="any", default=default)  # type: ignore[arg-type]
        self.trace.wandb_reads.setdefault(name, option)


class WandbRun(Tracked):
    """What `wandb.init` returned."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def attribute(self, name: str, evaluator: object) -> Value:
        """Return its configuration, or a method."""
        return WandbConfig(self.trace) if name == "config" else Bound(self, name)

    def call_method(self, name: str, call: Call) -> Value:
        """Take note of what is logged."""
        if name == "log":
            take_metrics(self.trace, call)
        return UNKNOWN


def take_metrics(trace: Trace, call: Call) -> None:
    """Take note of the names in a call of `log`."""
    data = call.get("data", 0)
    if isinstance(data, dict):
        trace.logged |= {name: None for name in data if isinstance(name, str)}


def take_defaults(trace: Trace, value: Value, call: Call) -> None:
    """Take the values of a mapping or an object for defaults."""
    if isinstance(value, dict):
        for name, item in value.items():
            option = ProgramOption(str(name), kind="any", default=default_of(item), source=call.source, line=call.line)
            trace.wandb_defaults.setdefault(str(name), option)
    elif isinstance(value, Instance | ClassValue):
        options, _ = record_options(value, call, "hydra")
        for option in options:
            trace.wandb_defaults.setdefault(option.name, option)
    elif value is not None:
        trace.wandb_config_escapes = True


def handlers(trace: Trace) -> dict[str, Handler]:
    """Return what calls of wandb mean."""

    def init(call: Call) -> Value:
        take_defaults(trace, call.get("config"), call)
        return WandbRun(trace)

    def log(call: Call) -> Value:
        take_metrics(trace, call)
        return UNKNOWN

    return {"wandb.init": init, "wandb.log": log}


def externals(trace: Trace) -> dict[str, Value]:
    """Return what names of wandb stand for."""
    return {"wandb.config": WandbConfig(trace), "wandb.run": WandbRun(trace)}
