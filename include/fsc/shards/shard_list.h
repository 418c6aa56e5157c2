// From the way people write data sets to a list of shards.
#pragma once
#include <string>
#include <vector>

namespace fsc {

/// Expands brace lists and ranges (`{0000..0127}` keeps leading zeros, `{0..90..10}`, `{a,b}`, nested), `::` between several, and
/// globs (`*`, `?`, `[…]`, local paths only, sorted by bytes). `pipe:` commands get their braces expanded and are not globbed. As
/// in a shell, `{x}` without comma or range, `${x}` and `\{` stand for themselves. Error: nothing matches a glob, a brace that is
/// never closed, a range that is none, more than a million shards. Plain paths are not looked for here.
std::vector<std::string> expand_shards(const std::string& pattern);

/// Last component of a shard's path, URL (before any "?") or of the file in a command: the name its samples are known by.
std::string shard_name(const std::string& url);

}  // namespace fsc
