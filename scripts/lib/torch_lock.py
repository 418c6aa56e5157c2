"""Writes a lock file for a torch that scripts/wheels does not pin: downloads it, reads which CUDA libraries it names, and downloads these.

    torch_lock.py LOCKFILE WHEELS VERSION PARTS INDEX -- OPTION...

PARTS: cpu (only what libtorch_cpu.so loads) or all; INDEX: where torch comes from, empty for the user's own; OPTIONs are pip download's.
The lock file has the form of scripts/wheels/*.txt and is written last, when everything has come.
"""
import email.parser
import hashlib
import pathlib
import re
import subprocess
import sys
import zipfile

from pip._vendor.packaging.requirements import Requirement

CPU_LIBRARIES = re.compile(r"nvidia-cuda-(runtime|cupti)(-cu\d+)?")


def download(requirement, wheels, options, index=""):
    """The wheel that pip takes for a requirement."""
    print(f"setup:     fetching {requirement}", file=sys.stderr, flush=True)
    stem = Requirement(requirement).name.replace("-", "_")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-cache-dir", "--dest", str(wheels), *options]
    for _ in range(2):
        if subprocess.run([*command, *(["--index-url", index] if index else []), requirement], stdin=subprocess.DEVNULL).returncode:
            sys.exit(3)
        found = list(wheels.glob(f"{stem}-*.whl"))
        if len(found) == 1:
            return found[0]
        for wheel in found:  # one of them is another version's, left by an interrupted run
            wheel.unlink()
    sys.exit(f"torch_lock: pip left no {stem}-*.whl in {wheels}")


def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return email.parser.Parser().parsestr(archive.read(name).decode("utf-8"))


def requirements(wheel, extras):
    """The CUDA libraries that a wheel names, on this machine, for one of the extras or for none."""
    for text in metadata(wheel).get_all("Requires-Dist", []):
        requirement = Requirement(text)
        environments = [{"extra": extra} for extra in (extras or [""])]
        if requirement.marker and not any(requirement.marker.evaluate(environment) for environment in environments):
            continue
        if requirement.name == "cuda-toolkit" or requirement.name.startswith("nvidia-"):
            yield requirement


def locked(wheel):
    about = metadata(wheel)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    print(f"setup:     {wheel.name}\nsetup:       SHA-256 {digest}", file=sys.stderr, flush=True)
    return f"{about['Name']}=={about['Version']} --hash=sha256:{digest}\n"


def main():
    lock, wheels, version, parts, index = sys.argv[1:6]
    options, wheels = sys.argv[7:], pathlib.Path(wheels)
    torch = download(f"torch=={version}", wheels, options, index)
    lines, seen, waiting = [locked(torch)], set(), list(requirements(torch, []))
    while waiting:
        requirement = waiting.pop(0)
        plain = f"{requirement.name}{requirement.specifier}"
        wanted = parts == "all" or requirement.name == "cuda-toolkit" or CPU_LIBRARIES.fullmatch(requirement.name)
        if requirement.name in seen or not wanted or not str(requirement.specifier):
            continue
        seen.add(requirement.name)
        wheel = download(plain, wheels, options)
        if requirement.name == "cuda-toolkit":  # a list of names, nothing else
            waiting += requirements(wheel, sorted(requirement.extras))
        else:
            lines.append(locked(wheel))
    pathlib.Path(lock + ".new").write_text(f"# torch {version} as scripts/setup --torch found it; these are what it is held to from now on.\n"
                                           + "".join(lines))
    pathlib.Path(lock + ".new").replace(lock)


main()
