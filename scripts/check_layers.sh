#!/usr/bin/env bash
# Checks the arrow rule: a folder includes only its own headers and those of the areas CMakeLists.txt lists as its DEPS.
# Names every offending line as file:line. Tests may include anything.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

# The table of allowed edges is read from CMakeLists.txt, so that it stands in one place:
#   fsc_area(data TORCH DEPS core config tokenize LIBS ...)  ->  "data: core config tokenize"
# An area may name only areas listed before it, which keeps the arrows free of cycles.
table=$(awk '
  /^[ \t]*fsc_area\(/ {
    line = $0
    gsub(/^[ \t]*fsc_area\(|\).*$/, "", line)
    count = split(line, word, /[ \t]+/)
    allowed = ""
    in_deps = 0
    for (i = 2; i <= count; ++i) {
      if (word[i] == "DEPS") { in_deps = 1; continue }
      if (word[i] == "LIBS" || word[i] == "TORCH") { in_deps = 0; continue }
      if (!in_deps) continue
      if (!(word[i] in known)) {
        printf "CMakeLists.txt:%d: area %s names %s, which does not stand before it\n", NR, word[1], word[i] > "/dev/stderr"
        bad = 1
      }
      allowed = allowed " " word[i]
    }
    known[word[1]] = 1
    print word[1] ":" allowed
  }
  END { exit bad }' CMakeLists.txt)
[ -n "$table" ] || { echo "check_layers: found no fsc_area(...) in CMakeLists.txt" >&2; exit 1; }

files=$(find src include/fsc -type f \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) | sort)
# shellcheck disable=SC2086
TABLE="$table" awk '
  BEGIN {
    lines = split(ENVIRON["TABLE"], entry, "\n")
    for (i = 1; i <= lines; ++i) {
      area = entry[i]; sub(/:.*/, "", area)
      rest = entry[i]; sub(/^[^:]*:/, "", rest)
      areas[area] = 1
      may[area, area] = 1
      count = split(rest, dep, " ")
      for (j = 1; j <= count; ++j) may[area, dep[j]] = 1
    }
  }
  function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; ++complaints }
  FNR == 1 {
    area = FILENAME
    sub(/^(src|include\/fsc)\//, "", area)
    sub(/\/.*/, "", area)
    is_public = FILENAME ~ /^include\//
    known = area == "apps" || (area in areas)
    if (!known) complain("the folder " area " is no area of CMakeLists.txt")
  }
  /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    ++includes
    path = $0
    sub(/^[ \t]*#[ \t]*include[ \t]*[<"]/, "", path)
    sub(/[>"].*/, "", path)
    if (path ~ /\.\.\//) complain("include with ../ hides the area: " path)
    if (is_public && path ~ /^(opencv2|yaml-cpp|CLI)\//) complain("third-party type in a public header: " path)
    if (is_public && path ~ /^torch\/(all|torch)\.h$/) complain("include torch/types.h or torch/nn/module.h instead of " path)
    target = path
    if (sub(/^fsc\//, "", target)) {
      sub(/\/.*/, "", target)
      if (!(target in areas)) { complain("unknown area " target ": " path); next }
    } else {
      sub(/\/.*/, "", target)
      if (!(target in areas)) next  # a third-party or standard header, or a neighbour in the same folder
      if (target != area) complain("a private header of another area: " path)
    }
    if (known && area != "apps" && !((area, target) in may)) complain("area " area " may not include " path)
  }
  END {
    if (complaints) { printf "check_layers: %d offending lines\n", complaints > "/dev/stderr"; exit 1 }
    printf "check_layers: %d includes in order\n", includes
  }' $files
