"""pip's build backend: scikit-build-core, told which torch to build against, whether to compile for CUDA, and to make the assets.

pip builds in isolation: the environment's packages are hidden from sys.path. Its torch is therefore looked for by path.
"""
import json
import os
import pathlib
import re
import shutil
import site
import subprocess
import sys

import scikit_build_core
from scikit_build_core import build as _skbuild

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOCK = ROOT / "scripts/wheels/cpu.txt"  # names the torch that is built against where the environment has none
FIND_LIBTORCH = ROOT / "cmake/FindLibTorch.cmake"
SUPPORTED = [int(minor) for minor in re.findall(r"^set\(LibTorch_(?:OLDEST|NEWEST) 2\.(\d+)\)", FIND_LIBTORCH.read_text(), re.M)]  # of torch 2


def _fail(message):
    sys.exit(f"fsc: {message}")


def _version_in(torch):
    """(version, CUDA's version or None) of the folder of a torch package, without importing it."""
    text = (torch / "version.py").read_text()
    version = re.search(r"^__version__ = ['\"]([^'\"]+)", text, re.M)
    cuda = re.search(r"^cuda(?:: [^=]+)? = ['\"]([^'\"]+)", text, re.M)
    return version.group(1) if version else "?", cuda.group(1) if cuda else None


def _site_folders():
    """The folders Python takes packages from in this environment when nothing is hidden."""
    folders = list(site.getsitepackages([sys.prefix]))
    system_too = True
    if sys.prefix != sys.base_prefix:
        settings = (pathlib.Path(sys.prefix) / "pyvenv.cfg").read_text().lower()
        system_too = re.search(r"^include-system-site-packages\s*=\s*true", settings, re.M) is not None
        if system_too:
            folders += site.getsitepackages([sys.base_prefix])
    if system_too:
        folders.append(site.getusersitepackages())
    return folders


def _torch_packages():
    """The torch packages of the environment, each once."""
    found = {}
    for folder in _site_folders():
        torch = pathlib.Path(folder) / "torch"
        if (torch / "version.py").is_file():
            found.setdefault(torch.resolve(), torch)
    return list(found.values())


def _libtorch_of(torch):
    """What FSC_LIBTORCH_ROOT has to be for a torch package: its site-packages; the prefix where conda-forge keeps the libraries there."""
    prefix = pathlib.Path(sys.prefix)
    if not (torch / "lib/libtorch_cpu.so").exists() and (prefix / "lib/libtorch_cpu.so").exists():
        return prefix
    return torch.parent


def _check(torch):
    version = _version_in(torch)[0]
    number = re.match(r"2\.(\d+)\.", version)
    if not number or not SUPPORTED[0] <= int(number.group(1)) <= SUPPORTED[1]:
        _fail(f"{torch} is torch {version}; fsc needs torch 2.{SUPPORTED[0]} to 2.{SUPPORTED[1]}: "
              f"pip install 'torch>=2.{SUPPORTED[0]},<2.{SUPPORTED[1] + 1}' in this environment first")


def _torch_of_environment():
    """(FSC_LIBTORCH_ROOT, folder of the torch package or None), or None where the environment has no torch."""
    chosen = os.environ.get("FSC_LIBTORCH_ROOT")
    if chosen:
        root = pathlib.Path(chosen).expanduser().resolve()
        torch = root / "torch"
        return root, torch if (torch / "version.py").is_file() else None
    packages = _torch_packages()
    if len(packages) > 1:
        listed = " and ".join(f"{torch} ({_version_in(torch)[0]})" for torch in packages)
        _fail(f"this environment has more than one torch: {listed}. Uninstall all but one, or say which one to build against: "
              f"FSC_LIBTORCH_ROOT={packages[0].parent} pip install .")
    if not packages:
        return None
    _check(packages[0])
    return _libtorch_of(packages[0]), packages[0]


def _torch():
    """As above; where the environment has none, the torch that pip put among the build requirements."""
    found = _torch_of_environment()
    if found:
        return found
    import importlib.util

    spec = importlib.util.find_spec("torch")
    if spec is None:
        _fail(f"there is no torch to build against in {sys.prefix}; pip install torch, or leave out --no-build-isolation")
    torch = pathlib.Path(spec.origin).parent
    _check(torch)
    return torch.parent, torch


def _pinned_torch():
    return re.search(r"^(torch==\S+)", LOCK.read_text(), re.M).group(1)


def _minor(root, torch):
    if torch:
        version = _version_in(torch)[0]
    else:
        home = root / "torch" if (root / "torch/include").is_dir() else root
        header = home / "include/torch/headeronly/version.h"
        if not header.is_file():
            _fail(f"FSC_LIBTORCH_ROOT={root} has no {header.relative_to(root)}; name a folder with torch/, or with lib/ and include/")
        version = ".".join(re.findall(r"^#define TORCH_VERSION_(?:MAJOR|MINOR) (\d+)", header.read_text(), re.M)) + "."
    return re.match(r"\d+\.\d+", version).group(0)


def _nvcc_for(cuda):
    """(nvcc of the same major as torch's CUDA, None) or (None, why not)."""
    places = [os.environ.get("CUDACXX"), shutil.which("nvcc"), "/usr/local/cuda/bin/nvcc",
              *sorted(map(str, pathlib.Path("/usr/local").glob("cuda-*/bin/nvcc")), reverse=True)]
    seen = []
    for nvcc in places:
        if not nvcc or not os.access(nvcc, os.X_OK):
            continue
        said = subprocess.run([nvcc, "--version"], capture_output=True, text=True).stdout
        release = re.search(r"release (\d+)\.(\d+)", said)
        if release and release.group(1) == cuda.split(".")[0]:
            return nvcc, None
        seen.append(f"{nvcc} is of CUDA {'.'.join(release.groups()) if release else '?'}")
    return None, "; ".join(dict.fromkeys(seen)) or "there is no nvcc"


def _settings(config_settings):
    """The caller's settings with FSC_LIBTORCH_ROOT and, unless the caller says otherwise, FSC_CUDA."""
    settings = dict(config_settings or {})
    root, torch = _torch()
    settings["cmake.define.FSC_LIBTORCH_ROOT"] = str(root)
    cuda = _version_in(torch)[1] if torch else None
    if "cmake.define.FSC_CUDA" not in settings:
        nvcc, reason = _nvcc_for(cuda) if cuda else (None, None)
        settings["cmake.define.FSC_CUDA"] = "ON" if nvcc else "OFF"
        if nvcc:
            settings["cmake.define.CMAKE_CUDA_COMPILER"] = nvcc
        elif cuda:
            print(f"fsc: this torch is made for CUDA {cuda}, but {reason}: the programs are built for the CPU and say so when they "
                  f"start. For the GPU install a CUDA {cuda.split('.')[0]} toolkit (nvcc), and fsc again", flush=True)
    print(f"fsc: building against {root}, " + ("with CUDA" if settings["cmake.define.FSC_CUDA"] == "ON" else "for the CPU"), flush=True)
    return settings


def _make_assets():
    """By scripts/setup, whose Python is the environment's: pip's isolation is not for it."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONNOUSERSITE")}
    environment["PATH"] = os.path.dirname(sys.executable) + os.pathsep + environment.get("PATH", os.defpath)
    if subprocess.run([ROOT / "scripts/setup", "--assets"], env=environment).returncode != 0:
        _fail("scripts/setup --assets could not make the assets (its message is above)")


def _limit_jobs():
    """As many jobs as scripts/lib/build takes: cores, but 1.5 GB of memory for each."""
    free_kb = int(re.search(r"^MemAvailable:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M).group(1))
    os.environ.setdefault("CMAKE_BUILD_PARALLEL_LEVEL", str(max(1, min(len(os.sched_getaffinity(0)), free_kb // 1_500_000))))


def _keep_what_is_built(build_dir):
    """scikit-build-core empties a build folder that another isolated environment made, as every call of pip is one; this one stays."""
    file = ROOT / build_dir / ".skbuild-info.json"
    try:
        information = json.loads(file.read_text())
        file.write_text(json.dumps(information | {"skbuild_path": os.path.dirname(scikit_build_core.__file__)}))
    except (OSError, ValueError):
        pass  # there is none yet, or it was left half-written: it is begun anew


def dynamic_metadata(settings, project):
    """scikit-build-core asks for the dependencies: exactly the minor of torch that was built against."""
    return {"dependencies": [f"torch=={_minor(*_torch())}.*"]}


def get_requires_for_build_wheel(config_settings=None):
    needed = _skbuild.get_requires_for_build_wheel(config_settings)
    return needed if _torch_of_environment() else [*needed, _pinned_torch()]


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    return _skbuild.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    settings = _settings(config_settings)
    _make_assets()
    _limit_jobs()
    _keep_what_is_built(settings.get("build-dir", "build/pip"))
    return _skbuild.build_wheel(wheel_directory, settings, metadata_directory)
