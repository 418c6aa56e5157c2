"""fsc for notebooks and scripts: starts the programs fsc-train and fsc-eval and reads what they write (docs/python.md)."""
from ._calls import evaluate, train
from ._programs import Error, Interrupted, configs
from ._run import Checkpoint, Run

__all__ = ["Checkpoint", "Error", "Interrupted", "Run", "configs", "evaluate", "train"]
