#!/usr/bin/env bash
# Checks the arrow rule: a folder includes only its own headers and those of the areas CMakeLists.txt lists as its DEPS, and
# CMakeLists.txt lists no others. Private headers are called detail_x.h and included by their path from src: "area/detail_x.h".
# Names every offending line as file:line. Tests may include anything.
#   usage: scripts/check_layers.sh [FOLDER]    FOLDER: of another tree than this one
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

# The table of allowed edges is read from CMakeLists.txt, so that it stands in one place:
#   fsc_area(data TORCH DEPS core config tokenize LIBS ...)  ->  "data:12: core config tokenize", 12 being its line
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
    print word[1] ":" NR ":" allowed
  }
  END { exit bad }' CMakeLists.txt)
[ -n "$table" ] || { echo "check_layers: found no fsc_area(...) in CMakeLists.txt" >&2; exit 1; }

files=$(find src include/fsc -type f \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) | sort)
# shellcheck disable=SC2086
TABLE="$table" awk '
  BEGIN {
    lines = split(ENVIRON["TABLE"], entry, "\n")
    for (i = 1; i <= lines; ++i) {
      split(entry[i], part, ":")
      areas[part[1]] = 1
      line_of[part[1]] = part[2]
      may[part[1], part[1]] = 1
      count = split(part[3], dep, " ")
      for (j = 1; j <= count; ++j) may[part[1], dep[j]] = 1
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
    if (FILENAME ~ /^src\/.*\.h$/ && area != "apps" && FILENAME !~ /\/detail_[^\/]*$/) complain("a private header is called detail_….h")
  }
  /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    ++includes
    path = $0
    quoted = path ~ /include[ \t]*"/
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
      if (target == path || !(target in areas) && target != "apps") {
        if (quoted) complain("a private header is included by its path from src, \"" area "/…\", another library'"'"'s in <>: " path)
        next
      }
      if (target != area) complain("a private header of another area: " path)
    }
    used[area, target] = 1
    if (known && area != "apps" && !((area, target) in may)) complain("area " area " may not include " path)
  }
  END {
    for (edge in may) {
      split(edge, ends, SUBSEP)
      if (ends[1] == ends[2] || edge in used) continue
      printf "CMakeLists.txt:%d: area %s names %s among its DEPS, of which it includes nothing\n", line_of[ends[1]], ends[1], ends[2]
      ++complaints
    }
    if (complaints) { printf "check_layers: %d offending lines\n", complaints > "/dev/stderr"; exit 1 }
    printf "check_layers: %d includes in order\n", includes
  }' $files
