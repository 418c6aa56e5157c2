// The mistakes of a config, one line each.
#include "fsc/config/config.h"
#include "fsc/core/error.h"

namespace fsc::config {

void Problems::push(const std::string& place, const std::string& path, const std::string& message) {
  lines_.push_back((place.empty() ? "" : place + ": ") + (path.empty() ? "" : path + ": ") + message);
}

void Problems::add_at(const std::string& place, const std::string& path, const std::string& message) {
  misread_.insert(path);
  push(place, path, message);
}

void Problems::add_unread(const std::string& place, const std::string& message) {
  unread_ = true;
  push(place, "", message);
}

void Problems::add(const std::string& path, const std::string& message) {
  for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1))
    if (misread_.count(path.substr(0, dot))) return;
  if (misread_.count(path)) return;
  const auto it = places_.find(path);
  push(it == places_.end() ? "" : it->second, path, message);
}

std::string Problems::text() const {
  std::string text;
  for (size_t i = 0; i < lines_.size(); ++i) text += (i ? "\n  " : "  ") + std::to_string(i + 1) + ". " + lines_[i];
  return text + (full() ? "\n  reading stopped here; there may be more" : "");
}

void Problems::raise(const std::string& what) const {
  if (!empty())
    throw UsageError(what + " has " + std::to_string(size()) + (size() == 1 ? " problem:\n" : " problems:\n") + text());
}

}  // namespace fsc::config
