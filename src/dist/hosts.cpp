// SLURM's lists of hosts: names with ranges of numbers in brackets.
#include <fmt/format.h>

#include <algorithm>

#include "fsc/core/error.h"
#include "fsc/dist/layout.h"

namespace fsc {
namespace {

constexpr size_t kMaxHosts = 65536;

[[noreturn]] void bad_list(const std::string& list, const std::string& what) {
  throw Error(fmt::format("the list of hosts \"{}\": {}", list, what));
}

/// A number as it is written, with its leading zeros.
int64_t number_in(const std::string& digits, const std::string& list) {
  const bool all_digits = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits.empty() || digits.size() > 9 || !all_digits) bad_list(list, fmt::format("\"{}\" is no number", digits));
  return std::stoll(digits);
}

/// "01-03,7" -> {"01", "02", "03", "7"}.
std::vector<std::string> expand_ranges(const std::string& ranges, const std::string& list) {
  std::vector<std::string> numbers;
  for (size_t at = 0; at <= ranges.size();) {
    const size_t comma = std::min(ranges.find(',', at), ranges.size());
    const std::string range = ranges.substr(at, comma - at);
    at = comma + 1;
    const size_t dash = range.find('-');
    const std::string low = range.substr(0, dash);
    const int64_t first = number_in(low, list);
    const int64_t last = dash == std::string::npos ? first : number_in(range.substr(dash + 1), list);
    if (last < first) bad_list(list, fmt::format("the range {} runs backwards", range));
    if (static_cast<size_t>(last - first) + numbers.size() >= kMaxHosts) bad_list(list, "more than 65,536 hosts");
    for (int64_t n = first; n <= last; ++n) numbers.push_back(fmt::format("{:0{}}", n, low.size()));
  }
  return numbers;
}

/// One name of the list, brackets included, into what it stands for.
std::vector<std::string> expand_name(const std::string& name, const std::string& list) {
  std::vector<std::string> made = {""};
  for (size_t at = 0; at < name.size();) {
    const size_t open = std::min(name.find('[', at), name.size());
    for (auto& host : made) host += name.substr(at, open - at);
    if (open == name.size()) break;
    const size_t close = name.find(']', open);
    const auto numbers = expand_ranges(name.substr(open + 1, close - open - 1), list);
    if (made.size() * numbers.size() > kMaxHosts) bad_list(list, "more than 65,536 hosts");
    std::vector<std::string> longer;
    for (const auto& host : made) {
      for (const auto& number : numbers) longer.push_back(host + number);
    }
    made = std::move(longer);
    at = close + 1;
  }
  return made;
}

}  // namespace

std::vector<std::string> expand_hosts(const std::string& nodelist) {
  std::vector<std::string> hosts, names = {""};
  bool inside = false;
  for (const char c : nodelist) {
    if (inside ? c == '[' : c == ']') bad_list(nodelist, "brackets that do not match");
    if (c == '[' || c == ']') inside = c == '[';
    if (c == ',' && !inside)
      names.emplace_back();
    else
      names.back() += c;
  }
  if (inside) bad_list(nodelist, "a bracket that does not close");
  for (const auto& name : names) {
    if (name.empty()) bad_list(nodelist, "a host without a name");
    auto some = expand_name(name, nodelist);
    if (hosts.size() + some.size() > kMaxHosts) bad_list(nodelist, "more than 65,536 hosts");
    hosts.insert(hosts.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return hosts;
}

}  // namespace fsc
