"""Unpacks wheels into one folder: all of them, or only what a CPU build of a C++ program needs. Called by scripts/setup."""
import fnmatch
import os
import sys
import time
import zipfile

# Headers, the libraries a CPU program loads, and every licence. libgomp is torch's own build of it.
CPU_PARTS = (
    "torch/include/*",
    "torch/lib/libtorch_cpu.so",
    "torch/lib/libc10.so",
    "torch/lib/libgomp*.so*",
    "torch/lib/libarm_compute*.so*",  # these four: aarch64's matrix products, and what they load
    "torch/lib/libnvpl_*.so*",
    "torch/lib/libopenblas*.so*",
    "torch/lib/libgfortran*.so*",
    "nvidia/*/lib/libcudart.so.*",
    "nvidia/*/lib/libcupti.so.*",
    "*.dist-info/METADATA",
    "*.dist-info/licenses/*",
)


def unpack(wheel, target, patterns):
    size = 0
    with zipfile.ZipFile(wheel) as archive:
        for item in archive.infolist():
            if item.is_dir() or not any(fnmatch.fnmatchcase(item.filename, pattern) for pattern in patterns):
                continue
            path = archive.extract(item, target)
            # The archive's own time stamps, so that unpacking again does not make every object file stale.
            stamp = time.mktime((*item.date_time, 0, 0, -1))
            os.utime(path, (stamp, stamp))
            size += item.file_size
    return size


def main():
    if len(sys.argv) < 4 or sys.argv[1] not in ("cpu", "all"):
        sys.exit("usage: unpack_wheels.py cpu|all TARGET WHEEL...")
    patterns = CPU_PARTS if sys.argv[1] == "cpu" else ("*",)
    total = sum(unpack(wheel, sys.argv[2], patterns) for wheel in sys.argv[3:])
    print(f"{total / 1e6:.0f} MB")


main()
