"""fsc.train and fsc.evaluate: arguments in, a program's run, its files out."""
import json
import os
import pathlib
import re

from . import _programs
from ._run import Run


def _settings(overrides):
    """--set for each: two underscores stand for a dot, a value is written as JSON, which YAML reads."""
    arguments = []
    for key, value in overrides.items():
        value = os.fspath(value) if isinstance(value, os.PathLike) else value
        arguments += ["--set", f"{key.replace('__', '.')}={json.dumps(value, ensure_ascii=False)}"]
    return arguments


def _options(**values):
    arguments = []
    for name, value in values.items():
        if value is not None:
            arguments += ["--" + name.replace("_", "-"), str(value)]
    return arguments


def train(config, *, resume=None, nproc=None, echo=True, **overrides):
    """Trains what the config describes (fsc-train) and returns its Run.

    config     a file, or the name of one that comes with fsc: "coco_hn.yaml"
    resume     "auto" goes on in output.dir, a run or checkpoint folder goes on from there
    nproc      so many processes on this machine, a CUDA device each
    echo       show the program's lines
    overrides  keys of the config: optim__lr=1e-5, or **{"optim.lr": 1e-5}

    Raises Interrupted, with the run, when a signal or the stop button ended it after saving; Error with the program's own
    words when it failed.
    """
    arguments = ["--config", os.fspath(config), *_settings(overrides)]
    run = Run(_programs.ask("fsc-train", [*arguments, "--print", "output.dir"]).rstrip("\n"))
    try:
        _programs.start("fsc-train", [*arguments, *_options(resume=resume, nproc=nproc)], echo)
    except _programs.Interrupted as stopped:
        stopped.run = run
        raise
    return run


def evaluate(checkpoints, config, *, tasks=None, output=None, wise_ft_base=None, alphas=None, arch=None, device=None, precision=None,
             nproc=None, echo=True, **overrides):
    """Scores one checkpoint or several (fsc-eval) and returns its results.json as a dictionary; of several, one a checkpoint by name.

    checkpoints  a Run, a folder or a file; or a list of them
    config       the suite: a file, or the name of one that comes with fsc: "eval/sugarcrepe.yaml"
    tasks        only these, a list of names
    output       where results are written (default: eval in the folder of the one checkpoint, else ./eval)
    overrides    keys of the suite: batch_size=128

    The other arguments are fsc-eval's options of these names. With wise_ft_base the dictionary holds the paths. Raises as train().
    """
    several = isinstance(checkpoints, (list, tuple))
    names = [os.fspath(checkpoint) for checkpoint in (checkpoints if several else [checkpoints])]
    arguments = ["--config", os.fspath(config), *_settings(overrides)]
    for name in names:
        arguments += ["--checkpoint", name]
    arguments += _options(tasks=",".join(tasks) if tasks is not None else None, output=output, wise_ft_base=wise_ft_base, alphas=alphas,
                          arch=arch, device=device, precision=precision, nproc=nproc)
    lines = _programs.start("fsc-eval", arguments, echo)
    folder = next(pathlib.Path(found.group(1)) for found in (re.search(r"results are in (.*)$", line) for line in reversed(lines)) if found)
    if wise_ft_base is not None or len(names) == 1:
        result = json.loads((folder / "results.json").read_text())
        return {names[0]: result} if several and wise_ft_base is None else result
    results = {result["model"]: result for result in (json.loads(file.read_text()) for file in folder.glob("*/results.json"))}
    return {name: results[name] for name in names}
