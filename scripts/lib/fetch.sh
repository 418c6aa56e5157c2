# Fetches pinned wheels with pip, for scripts that say(), fail() and stand in the folder of the project.

sha256_of() { sha256sum "$1" | cut -d' ' -f1; }
has_pip() {
  command -v "$1" >/dev/null &&
    "$1" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("pip") is None)' 2>/dev/null
}
python_with_pip() {
  local python
  for python in /usr/bin/python3 python3; do
    if has_pip "$python"; then
      echo "$python"
      return
    fi
  done
  return 1
}

# wheel_options MACHINE: into the array of this name, the options by which pip takes the wheels that the locks name, whichever Python it runs in.
# fetch reads them; scripts/lib/torch_lock.py is given them.
wheel_options=()
set_wheel_options() {
  local minor
  wheel_options=(--no-deps --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 --abi none)
  for minor in $(seq 28 -1 5); do wheel_options+=(--platform "manylinux_2_${minor}_$1"); done
  for minor in 2014 2010 1; do wheel_options+=(--platform "manylinux${minor}_$1"); done
  wheel_options+=(--platform any)
}

# download OPTION...: pip download into .deps/wheels.
# --no-cache-dir: a second copy of half a gigabyte in the home folder helps nobody; TMPDIR: /tmp may be too small.
download() {
  TMPDIR="$PWD/.deps/wheels" PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_RESUME_RETRIES=5 \
    "$python" -m pip download --quiet --no-cache-dir --dest .deps/wheels "$@" </dev/null
}

# whole_wheel STEM HASH...: prints the wheel in .deps/wheels whose name begins with STEM, if its SHA-256 is one of these.
whole_wheel() {
  local stem="$1" found
  shift
  found=$(find .deps/wheels -maxdepth 1 -name "$stem-*.whl" -print -quit)
  if [ -n "$found" ] && [[ " $* " == *" $(sha256_of "$found") "* ]]; then echo "$found"; fi
}

# fetch LOCKFILE [MACHINE]: every wheel the file names into .deps/wheels, one at a time, so that an interruption costs at most one.
# A line of the file is a requirement with a --hash for each machine. Wheels that are there and whole are kept. $python is the Python whose
# pip is asked. The wheels' paths are left in the array `wheels`.
fetch() {
  local lock="$1" requirement hashes stem found attempt
  set_wheel_options "${2:-$(uname -m)}"
  mkdir -p .deps/wheels
  while read -r requirement hashes; do
    case "$requirement" in '' | '#'*) continue ;; esac
    stem="${requirement%%==*}"
    stem="${stem//-/_}-${requirement##*==}"
    for attempt in 1 2 3; do
      # shellcheck disable=SC2086  # several words
      found=$(whole_wheel "$stem" ${hashes//--hash=sha256:/})
      if [ -n "$found" ]; then break; fi
      if [ "$attempt" -gt 1 ]; then sleep 5; fi
      say "    fetching $requirement"
      rm -f ".deps/wheels/$stem-"*.whl
      echo "$requirement $hashes" >.deps/wheels/one.txt
      download "${wheel_options[@]}" --require-hashes -r .deps/wheels/one.txt || true
    done
    # shellcheck disable=SC2086
    found=$(whole_wheel "$stem" ${hashes//--hash=sha256:/})
    if [ -z "$found" ]; then
      require_free_mb 20 "$requirement"
      fail "pip could not fetch $requirement from your package index (its own message is above);" \
        "run $0 again when that is solved: what has come is kept"
    fi
    wheels+=("$found")
  done <"$lock"
}

# require_free_mb MB WHAT: fails where there is less.
require_free_mb() {
  local free
  free=$(df -Pm .deps | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$1" ] || fail "$PWD needs $1 MB of free disk for $2, there are $free MB: make room and run $0 again"
}
