"""Programs of parsers that the tests do not install: typer, tyro, simple_parsing, absl, fire, draccus, Hydra."""

from __future__ import annotations

OTHER_FILES: dict[str, str] = {
    "typed.py": """\
from enum import Enum
from typing import Annotated, Optional
import typer
class Opt(str, Enum):
    sgd = "sgd"; adam = "adam"
app = typer.Typer()
@app.command()
def main(
    data: str,
    lr: float = 1e-3,
    batch_size: int = typer.Option(32, min=1, max=512, help="rows"),
    opt: Opt = Opt.adam,
    amp: bool = False,
    ema: Annotated[bool, typer.Option("--ema")] = False,
    layers: Optional[int] = None,
    tags: list[str] = [],
):
    ...
if __name__ == "__main__": app()
""",
    "tyroed.py": """\
from dataclasses import dataclass, field
from typing import Literal, Optional
import tyro
@dataclass
class Optim:
    lr: float = 1e-3  # step size
    kind: Literal["sgd","adam"] = "adam"
@dataclass
class Config:
    data: str
    batch_size: int = 32
    \"\"\"rows per step\"\"\"
    amp: bool = False
    layers: Optional[int] = None
    optim: Optim = field(default_factory=Optim)
if __name__ == "__main__":
    cfg = tyro.cli(Config)
""",
    "hydraed.py": """\
import hydra
from omegaconf import DictConfig
@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg: DictConfig):
    print(cfg)
if __name__ == "__main__": main()
""",
    "simple.py": """\
from dataclasses import dataclass, field
from simple_parsing import ArgumentParser
@dataclass
class Optim:
    learning_rate: float = 1e-3
    nesterov: bool = False
@dataclass
class Config:
    batch_size: int = 32
    name: str = "x"
    optim: Optim = field(default_factory=Optim)
parser = ArgumentParser()
parser.add_arguments(Config, dest="cfg")
args = parser.parse_args()
""",
    "absled.py": """\
from absl import app, flags
FLAGS = flags.FLAGS
flags.DEFINE_float("lr", 0.1, "rate", lower_bound=0.0)
flags.DEFINE_integer("layers", 2, "n")
flags.DEFINE_bool("amp", False, "mixed")
flags.DEFINE_enum("opt", "sgd", ["sgd","adam"], "o")
flags.DEFINE_string("out", None, "dir", required=True)
def main(argv): print(FLAGS.lr)
if __name__ == "__main__": app.run(main)
""",
    "fired.py": """\
import fire
def train(lr: float = 0.1, layers: int = 2, use_bn=True, name=None):
    print(lr)
if __name__ == "__main__": fire.Fire(train)
""",
    "draccused.py": """\
from dataclasses import dataclass, field
import draccus
@dataclass
class Optim:
    lr: float = 1e-3
@dataclass
class Config:
    steps: int = 10
    amp: bool = False
    optim: Optim = field(default_factory=Optim)
@draccus.wrap()
def main(cfg: Config): print(cfg.steps)
if __name__ == "__main__": main()
""",
    "omegaed.py": """\
from dataclasses import dataclass, field
from omegaconf import OmegaConf
@dataclass
class Optim:
    lr: float = 1e-3
@dataclass
class Config:
    steps: int = 10
    optim: Optim = field(default_factory=Optim)
def main():
    cfg = OmegaConf.merge(OmegaConf.structured(Config), OmegaConf.from_cli())
    print(cfg.steps)
if __name__ == "__main__": main()
""",
    "structured.py": """\
from dataclasses import dataclass, field
from enum import Enum
import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING
class Kind(Enum):
    a = "A"
    b = "B"
@dataclass
class Optim:
    lr: float = 1e-3
    steps: int = 3
@dataclass
class Config:
    optim: Optim = field(default_factory=Optim)
    kind: Kind = Kind.a
    name: str = MISSING
cs = ConfigStore.instance()
cs.store(name="config", node=Config)
@hydra.main(version_base=None, config_path=None, config_name="config")
def main(cfg): print(cfg.optim.lr)
if __name__ == "__main__": main()
""",
    "conf/config.yaml": """\
defaults:
  - model: resnet
  - optimizer: adam
  - _self_
seed: 1
trainer:
  epochs: 10
  out: ???
""",
    "conf/model/resnet.yaml": """\
depth: 18
width: 64
""",
    "conf/model/vit.yaml": """\
heads: 8
width: 128
""",
    "conf/optimizer/adam.yaml": """\
# @package _global_
optim:
  lr: 0.001
""",
}
"""Files by path."""
