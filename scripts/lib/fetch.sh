# Fetches pinned wheels with pip, for scripts that say(), fail() and stand in the folder of the project.

sha256_of() { sha256sum "$1" | cut -d' ' -f1; }
has_pip() { command -v "$1" >/dev/null && "$1" -m pip --version >/dev/null 2>&1; }
python_with_pip() {
  if has_pip /usr/bin/python3; then echo /usr/bin/python3; else command -v python3; fi
}

# fetch LOCKFILE: every wheel the file names into .deps/wheels, one at a time, so that an interruption costs at most one.
# Wheels that are there and whole are kept. $python is the Python whose pip is asked. The wheels' paths are left in the array `wheels`.
fetch() {
  local lock="$1" requirement hash stem found platforms=() minor attempt
  for minor in $(seq 28 -1 5); do platforms+=(--platform "manylinux_2_${minor}_x86_64"); done
  platforms+=(--platform manylinux2014_x86_64 --platform manylinux2010_x86_64 --platform manylinux1_x86_64 --platform any)
  mkdir -p .deps/wheels
  while read -r requirement hash; do
    case "$requirement" in '' | '#'*) continue ;; esac
    hash="${hash#--hash=sha256:}"
    stem="${requirement%%==*}"
    stem="${stem//-/_}-${requirement##*==}"
    for attempt in 1 2 3; do
      found=$(find .deps/wheels -maxdepth 1 -name "$stem-*.whl" -print -quit)
      if [ -n "$found" ] && [ "$(sha256_of "$found")" = "$hash" ]; then break; fi
      if [ "$attempt" -gt 1 ]; then sleep 5; fi
      say "    fetching $requirement"
      rm -f ".deps/wheels/$stem-"*.whl
      echo "$requirement --hash=sha256:$hash" >.deps/wheels/one.txt
      # --no-cache-dir: a second copy of half a gigabyte in the home folder helps nobody; TMPDIR: /tmp may be too small.
      TMPDIR="$PWD/.deps/wheels" PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1 "$python" -m pip download \
        --quiet --no-cache-dir --no-deps --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 --abi none \
        "${platforms[@]}" --require-hashes --dest .deps/wheels -r .deps/wheels/one.txt </dev/null || true
      found=
    done
    found=$(find .deps/wheels -maxdepth 1 -name "$stem-*.whl" -print -quit)
    if [ -z "$found" ] || [ "$(sha256_of "$found")" != "$hash" ]; then
      fail "pip could not fetch $requirement from your package index (its own message is above);" \
        "run $0 again when that is solved"
    fi
    wheels+=("$found")
  done <"$lock"
}
