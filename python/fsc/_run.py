"""A run folder, as docs/architecture.md lists it, read when asked: also while the run is at work."""
import dataclasses
import fcntl
import json
import os
import pathlib
import re

from . import _programs


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """checkpoints/step_N; fsc.evaluate and model.pretrained take it as it is."""

    step: int
    path: pathlib.Path

    def __fspath__(self):
        return str(self.path)


def _json_lines(path):
    """The objects of a file of JSON lines; a last line that is still being written is left out, a missing file has none."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines[:-1]]  # a whole line ends with a line break


class Run:
    """fsc.Run("runs/x"): what is in the folder now. Nothing is kept, each property reads anew."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def __fspath__(self):
        return str(self.path)

    def __repr__(self):
        return f"fsc.Run({str(self.path)!r}): {self.status}"

    @property
    def status(self):
        """"running", "finished", "stopped" (resume="auto" goes on) or "empty"."""
        lock = self.path / ".lock"
        if lock.exists():
            file = os.open(lock, os.O_RDONLY)
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return "running"
            except OSError:
                pass  # a file system without locks
            finally:
                os.close(file)
        if self.model is not None:
            return "finished"
        return "stopped" if (self.path / "config.yaml").exists() else "empty"

    @property
    def config(self):
        """The resolved config as YAML text."""
        return (self.path / "config.yaml").read_text()

    def option(self, key):
        """The value of one key of the config, as text: option("optim.lr")."""
        return _programs.ask("fsc-train", ["--config", str(self.path / "config.yaml"), "--print", key]).rstrip("\n")

    @property
    def metrics(self):
        """One dictionary a logged step: step, epoch, loss, the terms, lr, ..."""
        return _json_lines(self.path / "metrics.jsonl")

    @property
    def checkpoints(self):
        """The checkpoints to go on from, oldest first."""
        found = []
        for path in (self.path / "checkpoints").glob("step_*"):
            step = re.fullmatch(r"step_(\d+)", path.name)
            if step:
                found.append(Checkpoint(int(step.group(1)), path))
        return sorted(found, key=lambda checkpoint: checkpoint.step)

    @property
    def model(self):
        """The file of the finished run's weights, or None."""
        for name in ("model.safetensors", "lora.safetensors"):
            if (self.path / name).exists():
                return self.path / name
        return None

    @property
    def guard(self):
        """One dictionary a probe of the forgetting guard; none without guard.every_steps."""
        return _json_lines(self.path / "guard.jsonl")

    @property
    def pareto(self):
        """pareto.json: the limit, what was decided, and all points; None without guard.every_steps."""
        path = self.path / "pareto.json"
        return json.loads(path.read_text()) if path.exists() else None

    @property
    def front(self):
        """The points of the Pareto front by rising composition, each with its checkpoint where that is kept."""
        points = self.pareto["points"] if self.pareto else []
        return sorted((point for point in points if point["on_front"]), key=lambda point: point["composition"])

    @property
    def results(self):
        """What fsc-eval wrote into eval/results.json, or None."""
        path = self.path / "eval/results.json"
        return json.loads(path.read_text()) if path.exists() else None
