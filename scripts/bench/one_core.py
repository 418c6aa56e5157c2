"""What both benchmarks share: one core, CPU time, and runs of our programs.

CPU time of a core is what is compared, so that waiting does not count. A core shared with other work, or a virtual one, is also
slower or faster from minute to minute: the two sides take turns, and core_speed() tells what the core gave to each.
"""

import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "reference"))  # for official_negatives


def pin(core):
    """This process and all that it starts run on one core, with one thread of arithmetic each. Call before importing torch or numpy."""
    if core not in os.sched_getaffinity(0):
        sys.exit(f"--core {core}: this process may run on {sorted(os.sched_getaffinity(0))}")
    os.sched_setaffinity(0, {core})
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


def core_speed():
    """Turns of an empty loop in a CPU second, in millions. Two measurements compare as they are only where it is the same."""
    turns = 4_000_000
    begin = time.process_time()
    for _ in range(turns):
        pass
    return turns / (time.process_time() - begin) / 1e6


def run(command):
    """(CPU seconds, wall seconds, standard output) of a program; ends here if it fails."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, wall, output


def default_core():
    return max(os.sched_getaffinity(0))
