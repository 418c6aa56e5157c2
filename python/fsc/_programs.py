"""Where the programs are, what they need to start, and starting them: in this process's place or as a child whose lines are shown."""
import collections
import importlib.util
import os
import pathlib
import re
import signal
import subprocess
import sys

INTERRUPTED = 75  # the exit code of a program that a signal stopped after it had saved (docs/architecture.md, "Exit codes")
_LINES_KEPT = 400
_CA_OF_THE_BUILD = "/etc/ssl/certs/ca-certificates.crt"  # where Debian's libcurl, which a wheel carries, looks for certificates


class Error(Exception):
    """A program failed or could not start. The text is its own last message, `code` its exit code (negative: the signal)."""

    def __init__(self, message, code=1):
        super().__init__(message)
        self.code = code


class Interrupted(Error):
    """A signal stopped the program after it had saved what it had; `run` is the run folder, where it was a training."""

    def __init__(self, message, run=None):
        super().__init__(message, INTERRUPTED)
        self.run = run


def _package():
    return pathlib.Path(__file__).resolve().parent


def _folder():
    """The folder of the programs: FSC_BIN_DIR, or the package's own."""
    return pathlib.Path(os.environ.get("FSC_BIN_DIR") or _package() / "bin")


def configs():
    """The folder with the configs that come with fsc; programs and functions find these by their bare names, too."""
    above = _folder().resolve().parent
    for folder in (above / "share/fsc/configs", above.parent.parent / "configs"):  # installed; a build folder's tree
        if folder.is_dir():
            return folder
    raise Error(f"there are no configs beside {_folder()}")


def _program(name):
    path = _folder() / name
    if not os.access(path, os.X_OK):
        raise Error(f"there is no program {path}; install fsc again, or name the folder that has it in FSC_BIN_DIR")
    return path


def _torch_libraries():
    """The folders with LibTorch's libraries: torch is found, not imported, and has to be what the programs were built against."""
    from . import _built

    root = os.environ.get("FSC_LIBTORCH_ROOT")
    if root:
        site = pathlib.Path(root)
        home = site / "torch" if (site / "torch/lib").is_dir() else site
        where, version_file = str(home), home / "version.py"
    else:
        spec = importlib.util.find_spec("torch")
        if spec is None or spec.origin is None:
            raise Error(f"there is no torch in this environment ({sys.prefix}); fsc needs it: pip install 'torch=={_built.TORCH}.*'")
        home = pathlib.Path(spec.origin).parent
        site, where, version_file = home.parent, str(home), home / "version.py"
    if version_file.exists():
        found = re.search(r"^__version__ = ['\"]([^'\"]+)", version_file.read_text(), re.M)
        version = found.group(1) if found else "of an unknown version"
        if not version.startswith(_built.TORCH + "."):
            raise Error(f"fsc was built for torch {_built.TORCH}, but {where} is torch {version}; "
                        f"pip install 'torch=={_built.TORCH}.*', or install fsc again, so that it is built for this torch")
    library = home / "lib"
    if not (library / "libtorch_cpu.so").exists():
        library = pathlib.Path(sys.prefix) / "lib"  # where conda-forge puts it
    needed = ["libtorch_cpu.so"] + ["libtorch_cuda.so"] * _built.CUDA
    for name in needed:
        if not (library / name).exists():
            raise Error(f"{where} has no {name}, which fsc was built for" + (
                "; install a torch with CUDA, or fsc again, so that it is built for this torch" if _built.CUDA else ""))
    return [library, *sorted(site.glob("nvidia/*/lib"))]


def _environment():
    """The programs' environment. They find the torch beside their own package by themselves; any other by LD_LIBRARY_PATH."""
    environment = dict(os.environ)
    if "FSC_BIN_DIR" in os.environ:
        return environment
    folders = _torch_libraries()
    beside = _package().parent / "torch/lib"
    if not (beside.is_dir() and beside.samefile(folders[0])):
        inherited = environment.get("LD_LIBRARY_PATH")
        environment["LD_LIBRARY_PATH"] = ":".join([*map(str, folders), *([inherited] if inherited else [])])
    if not {"CURL_CA_BUNDLE", "SSL_CERT_FILE"} & set(environment) and not os.path.exists(_CA_OF_THE_BUILD):
        import ssl

        own = ssl.get_default_verify_paths().cafile
        if own:
            environment["SSL_CERT_FILE"] = own
    return environment


def _become(name):
    """This process goes on as the program, so that signals, exit codes and launchers see nothing but it."""
    try:
        program, environment = _program(name), _environment()
        os.execve(program, [str(program), *sys.argv[1:]], environment)
    except (Error, OSError) as error:
        sys.exit(f"{name}: {error}")


def become_train():
    _become("fsc-train")


def become_eval():
    _become("fsc-eval")


def become_data():
    _become("fsc-data")


def become_model():
    _become("fsc-model")


def _last_words(name, lines):
    """What the program said last: from its last line that begins with its name on, or its last lines."""
    starts = [i for i, line in enumerate(lines) if line.startswith(name + ": ")]
    return "".join(lines[starts[-1]:] if starts else lines[-10:]).strip() or f"{name} ended without a word"


def _fail(name, code, lines):
    words = _last_words(name, lines)
    if code == INTERRUPTED:
        raise Interrupted(words)
    if code < 0:
        words = f"{name} was killed by {signal.Signals(-code).name}\n{words}"
    raise Error(words, code)


def ask(name, arguments):
    """What the program prints, for calls that are done at once."""
    done = subprocess.run([_program(name), *arguments], env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        _fail(name, done.returncode, done.stderr.splitlines(keepends=True))
    return done.stdout


def start(name, arguments, echo):
    """Runs the program, shows its lines as they come (print, so that a notebook has them), and gives back the last of them.

    It has a session of its own: a Ctrl-C of the terminal or the notebook's stop button reaches it once, as SIGINT from here, upon
    which it saves and ends. A second one ends it at once.
    """
    process = subprocess.Popen([_program(name), *arguments], env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
    lines = collections.deque(maxlen=_LINES_KEPT)
    try:
        while True:
            try:
                for line in process.stdout:
                    lines.append(line)
                    if echo:
                        print(line, end="", flush=True)
                code = process.wait()
                break
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
    finally:
        if process.poll() is None:  # printing failed: the program is not left behind
            process.terminate()
            process.wait()
        process.stdout.close()
    if code != 0:
        _fail(name, code, list(lines))
    return list(lines)
