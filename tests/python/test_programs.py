"""The installed package's entry points, laid out with a script in a program's place: which torch is taken, and what is refused."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from world import ROOT


class EntryPoints(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="an env ü ")
        self.addCleanup(folder.cleanup)
        self.site = pathlib.Path(folder.name) / "site-packages"
        package = self.site / "fsc"
        shutil.copytree(ROOT / "python/fsc", package, ignore=shutil.ignore_patterns("__pycache__"))
        self.built(cuda=False)
        (package / "bin").mkdir()
        (package / "share/fsc/configs").mkdir(parents=True)
        program = package / "bin/fsc-train"
        program.write_text('#!/bin/sh\necho "pid $$ path $LD_LIBRARY_PATH"; for word; do echo "<$word>"; done\n'
                           '[ "$1" != die ] || kill -TERM $$\nexit 75\n')
        program.chmod(0o755)

    def built(self, cuda):
        (self.site / "fsc/_built.py").write_text(f'TORCH = "2.15"\nCUDA = {cuda}\n')

    def torch(self, version, site=None):
        home = (site or self.site) / "torch"
        (home / "lib").mkdir(parents=True)
        (home / "__init__.py").write_text("raise SystemExit('torch must not be imported')\n")
        (home / "version.py").write_text(f"from typing import Optional\n__version__ = '{version}'\n")
        (home / "lib/libtorch_cpu.so").touch()
        return home

    def start(self, *arguments, path=(), **variables):
        environment = {name: value for name, value in os.environ.items() if name not in ("FSC_BIN_DIR", "LD_LIBRARY_PATH")}
        environment |= {"PYTHONPATH": os.pathsep.join(map(str, [self.site, *path])), **variables}
        return subprocess.Popen([sys.executable, "-c", "from fsc import _programs; _programs.become_train()", *arguments],
                                env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def outcome(self, *arguments, **how):
        process = self.start(*arguments, **how)
        return process.communicate()[0], process.returncode, process.pid

    def test_the_process_becomes_the_program_with_arguments_exit_code_and_signals(self):
        self.torch("2.15.3+cu126")
        text, code, pid = self.outcome("--set", "a b=ü", "")
        self.assertEqual((text, code), (f"pid {pid} path \n<--set>\n<a b=ü>\n<>\n", 75))
        self.assertEqual(self.outcome("die")[1], -signal.SIGTERM)

    def test_a_torch_elsewhere_is_found_without_importing_it(self):
        other = self.site.parent / "other"
        home = self.torch("2.15.0", other)
        (other / "nvidia/cu13/lib").mkdir(parents=True)
        text, code, _ = self.outcome(path=[other], LD_LIBRARY_PATH="/before")
        self.assertIn(f"path {home}/lib:{other}/nvidia/cu13/lib:/before\n", text)
        self.assertEqual(code, 75)
        self.assertIn(f"path {home}/lib:", self.outcome(FSC_LIBTORCH_ROOT=str(other))[0])

    def test_a_torch_of_another_minor_or_kind_or_none_is_one_sentence(self):
        text, code, _ = self.outcome()
        self.assertRegex(text, r"^fsc-train: there is no torch in this environment .*pip install 'torch==2\.15\.\*'\n$")
        self.assertEqual(code, 1)
        home = self.torch("2.14.1")
        text, code, _ = self.outcome()
        self.assertRegex(text, r"^fsc-train: fsc was built for torch 2\.15, but .*site-packages/torch is torch 2\.14\.1; .*\n$")
        self.assertEqual(code, 1)
        (home / "version.py").write_text("__version__ = '2.15.0'\n")
        self.built(cuda=True)
        self.assertRegex(self.outcome()[0], r"^fsc-train: .* has no libtorch_cuda\.so, .*\n$")

    def test_the_package_knows_its_configs_and_missing_programs(self):
        command = "import fsc; print(fsc.configs()); from fsc import _programs; _programs.become_eval()"
        environment = {name: value for name, value in os.environ.items() if name != "FSC_BIN_DIR"} | {"PYTHONPATH": str(self.site)}
        done = subprocess.run([sys.executable, "-c", command], env=environment, capture_output=True, text=True)
        self.assertEqual(done.stdout, f"{self.site}/fsc/share/fsc/configs\n")
        self.assertIn("fsc-eval: there is no program", done.stderr)


if __name__ == "__main__":
    unittest.main()
