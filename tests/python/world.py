"""A made-up world and a config of a few steps, in a folder of their own that is the current one: what tests of the module train on."""
import contextlib
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

CONFIG = f"""
model: {{arch: {ROOT}/configs/quickstart_model.json}}
data: {{train: {{path: world/train.tsv}}, augment: none}}
negatives: {{source: column, sample: all, per_caption: 1}}
optim: {{lr: 1e-3, warmup_steps: 2}}
train: {{epochs: 1, batch_size: 8, max_steps: 4}}
output: {{dir: runs/x, log_every_steps: 1, save_every_steps: 2}}
"""
SUITE = """
tasks:
  - {name: zeroshot, root: world/zeroshot}
  - {name: retrieval, path: world/retrieval.tsv}
"""


class InWorld(unittest.TestCase):
    """Each class gets a world; its tests run in its folder."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="fsc wörld ")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.addClassCleanup(os.chdir, os.getcwd())
        os.chdir(cls.folder.name)
        subprocess.run([pathlib.Path(os.environ["FSC_BIN_DIR"]) / "fsc-data", "synth", "--out", "world", "--train", "96"],
                       check=True, capture_output=True)
        pathlib.Path("config.yaml").write_text(CONFIG)
        pathlib.Path("suite.yaml").write_text(SUITE)


@contextlib.contextmanager
def environment(**values):
    """Variables of the environment set, or with None removed, for a while."""
    before = {name: os.environ.get(name) for name in values}

    def change(to):
        for name, value in to.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    change(values)
    try:
        yield
    finally:
        change(before)
