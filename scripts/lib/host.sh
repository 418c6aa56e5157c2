# Which compiler, CMake and Ninja a build takes, for scripts that stand in the folder of the project and, where they ask for what is missing, fail().

oldest_cmake=3.25
oldest_gcc=12

# not_older VERSION OLDEST
not_older() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

cmake_is_new_enough() {
  local version
  version=$(cmake --version 2>/dev/null | sed -n '1s/^cmake version //p')
  [ -n "$version" ] && not_older "$version" "$oldest_cmake"
}

# compiler_problem COMPILER: why it will not do; nothing when it will.
compiler_problem() {
  local words text version
  # CXX may be a command of several words (ccache g++).
  read -ra words <<<"$1"
  if ! command -v "${words[0]}" >/dev/null; then
    echo "is not there"
    return
  fi
  if ! text=$("${words[@]}" -std=c++20 -E -P -x c++ - 2>/dev/null <<'TEXT'
#include <version>
#if !defined(__cpp_lib_ranges)
#error an old library
#elif defined(__clang__)
fsc_clang __clang_major__
#elif defined(__GNUC__)
fsc_gcc __GNUC__
#endif
TEXT
  ); then
    echo "knows no C++20 (or its library has no ranges)"
    return
  fi
  version=$(sed -n 's/^fsc_gcc //p' <<<"$text")
  if [ -n "$version" ] && ! not_older "$version" "$oldest_gcc"; then echo "is GCC $version"; fi
}

# conda_is_used: whether the compiler is the active conda environment's; only then are its libraries taken.
conda_is_used() {
  local words
  read -ra words <<<"${CXX:-c++}"
  [ -n "${CONDA_PREFIX:-}" ] && [[ "$(command -v "${words[0]}")" == "$CONDA_PREFIX"/* ]]
}

# use_host: what scripts/setup fetched comes first in PATH; CXX is set where the system's own compiler is too old and a newer one is beside it.
use_host() {
  local version
  if [ -x .deps/tools/bin/cmake ]; then PATH="$PWD/.deps/tools/bin:$PATH"; fi
  if [ -z "${CXX:-}" ] && [ -n "$(compiler_problem c++)" ]; then
    for version in 15 14 13 12; do
      if [ -z "$(compiler_problem "g++-$version")" ]; then
        export CXX="g++-$version" CC="gcc-$version" CUDAHOSTCXX="${CUDAHOSTCXX:-g++-$version}"
        return
      fi
    done
  fi
}
