"""Which torch pip's build finds by path, and what it refuses; scikit-build-core itself is not needed and has a stand-in here."""
import json
import pathlib
import sys
import tempfile
import types
import unittest
from unittest import mock

from world import ROOT, environment

stand_in = types.ModuleType("scikit_build_core")
stand_in.__file__ = "/this time/scikit_build_core/__init__.py"
stand_in.build = types.SimpleNamespace(get_requires_for_build_wheel=lambda settings: ["cmake"])
sys.path.insert(0, str(ROOT / "python"))
with mock.patch.dict(sys.modules, {"scikit_build_core": stand_in}):
    import build_backend


class Torches(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.enterContext(environment(FSC_LIBTORCH_ROOT=None))
        self.sites = []
        self.enterContext(mock.patch.object(build_backend, "_site_folders", lambda: self.sites))

    def enterContext(self, context):  # unittest's own from Python 3.11 on
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def torch(self, place, version, cuda="None"):
        home = self.path / place / "torch"
        (home / "lib").mkdir(parents=True)
        (home / "lib/libtorch_cpu.so").touch()
        (home / "version.py").write_text(f"__version__ = '{version}'\ncuda: Optional[str] = {cuda}\n")
        self.sites.append(str(home.parent))
        return home

    def refusal(self):
        with self.assertRaises(SystemExit) as caught:
            build_backend.get_requires_for_build_wheel()
        return caught.exception.code

    def test_the_environments_torch_is_taken(self):
        home = self.torch("env", "2.13.1+cpu")
        self.assertEqual(build_backend.get_requires_for_build_wheel(), ["cmake"])
        self.assertEqual(build_backend.dynamic_metadata({}, {}), {"dependencies": ["torch==2.13.*"]})
        self.assertEqual(build_backend._torch(), (home.parent, home))

    def test_without_one_the_pinned_torch_is_a_build_requirement(self):
        requirements = build_backend.get_requires_for_build_wheel()
        self.assertEqual(requirements[0], "cmake")
        self.assertRegex(requirements[1], r"^torch==2\.15\.\d+$")

    def test_versions_outside_the_range_are_refused_with_what_to_do(self):
        for version in ("2.10.2", "2.16.0", "1.15.0"):
            self.sites.clear()
            home = self.torch(version, version)
            self.assertEqual(self.refusal(), f"fsc: {home} is torch {version}; fsc needs torch 2.11 to 2.15: "
                                             "pip install 'torch>=2.11,<2.16' in this environment first")

    def test_of_two_torches_one_has_to_be_chosen(self):
        first, second = self.torch("env", "2.15.0"), self.torch("user", "2.14.1")
        self.sites.append(str(first.parent))  # seen twice, it is still one
        message = self.refusal()
        for part in (f"{first} (2.15.0)", f"{second} (2.14.1)", f"FSC_LIBTORCH_ROOT={first.parent}"):
            self.assertIn(part, message)
        with environment(FSC_LIBTORCH_ROOT=str(second.parent)):
            self.assertEqual(build_backend.dynamic_metadata({}, {}), {"dependencies": ["torch==2.14.*"]})

    def test_a_libtorch_without_python_says_its_version_itself(self):
        header = self.path / "include/torch/headeronly/version.h"
        with environment(FSC_LIBTORCH_ROOT=str(self.path)):
            with self.assertRaises(SystemExit):
                build_backend.dynamic_metadata({}, {})
            header.parent.mkdir(parents=True)
            header.write_text("#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 12\n")
            self.assertEqual(build_backend.dynamic_metadata({}, {}), {"dependencies": ["torch==2.12.*"]})

    def test_cuda_is_compiled_for_where_nvcc_has_torchs_major(self):
        nvcc = self.path / "nvcc"
        nvcc.write_text("#!/bin/sh\necho 'Cuda compilation tools, release 13.0, V13.0.88'\n")
        nvcc.chmod(0o755)
        self.torch("env", "2.15.0+cu132", "'13.2'")
        with environment(CUDACXX=str(nvcc)):
            settings = build_backend._settings({"build-dir": "b"})
            self.assertEqual((settings["cmake.define.FSC_CUDA"], settings["build-dir"]), ("ON", "b"))
            self.assertEqual(settings["cmake.define.CMAKE_CUDA_COMPILER"], str(nvcc))
            self.assertEqual(build_backend._settings({"cmake.define.FSC_CUDA": "OFF"})["cmake.define.FSC_CUDA"], "OFF")
            found, reason = build_backend._nvcc_for("7.5")
            self.assertIsNone(found)
            self.assertIn("is of CUDA 13.0", reason)

    def test_a_build_folder_of_an_earlier_call_is_gone_on_with(self):
        file = self.path / ".skbuild-info.json"
        build_backend._keep_what_is_built(self.path)
        self.assertFalse(file.exists())
        file.write_text('{"source_dir": "/fsc", "skbuild_path": "/last time/scikit_build_core"}')
        build_backend._keep_what_is_built(self.path)
        self.assertEqual(json.loads(file.read_text()), {"source_dir": "/fsc", "skbuild_path": "/this time/scikit_build_core"})
        file.write_text('{"source_dir": ')
        build_backend._keep_what_is_built(self.path)
        self.assertEqual(file.read_text(), '{"source_dir": ')

    def test_system_packages_count_only_where_the_environment_has_them(self):
        with mock.patch.object(sys, "prefix", str(self.path)), mock.patch.object(sys, "base_prefix", "/base"):
            for has, count in (("false", False), ("true", True)):
                (self.path / "pyvenv.cfg").write_text(f"home = /base/bin\ninclude-system-site-packages = {has}\n")
                folders = SITE_FOLDERS()
                self.assertEqual(any(str(folder).startswith("/base/") for folder in folders), count)
                self.assertTrue(str(folders[0]).startswith(str(self.path)))


SITE_FOLDERS = build_backend._site_folders

if __name__ == "__main__":
    unittest.main()
