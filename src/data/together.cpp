// Words with a letter before them: whether they are words, or what a process failed with.
#include "data/detail_together.h"

#include "fsc/core/error.h"
#include "fsc/core/stop.h"

namespace fsc::detail {
namespace {

constexpr char kWords = 'w', kError = 'e', kUsageError = 'u', kStopped = 's';

std::string failure_words(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Stopped&) {
    return {kStopped};
  } catch (const UsageError& error) {
    return kUsageError + std::string(error.what());
  } catch (const std::exception& error) {
    return kError + std::string(error.what());
  } catch (...) {
    return kError + std::string("an unknown failure");
  }
}

/// Throws the first rank's failure, a stop only where nothing worse happened.
void raise_failures(const std::vector<std::string>& words) {
  bool stopped = false;
  for (size_t rank = 0; rank < words.size(); ++rank) {
    const char kind = words[rank].empty() ? kWords : words[rank][0];
    const auto message = [&] { return "rank " + std::to_string(rank) + ": " + words[rank].substr(1); };
    if (kind == kError) throw Error(message());
    if (kind == kUsageError) throw UsageError(message());
    stopped |= kind == kStopped;
  }
  if (stopped) throw Stopped();
}

}  // namespace

std::vector<std::string> Together::all(const std::string& words) {
  if (!exchange_) return {words};
  told_ = true;
  auto replies = exchange_(kWords + words);
  raise_failures(replies);
  told_ = false;
  for (auto& reply : replies) reply.erase(0, 1);
  return replies;
}

std::string Together::of_first(const std::function<std::string()>& make) { return all(rank_ == 0 ? make() : "")[0]; }

void Together::tell(const std::exception_ptr& failure) noexcept {
  if (!exchange_ || told_) return;
  told_ = true;
  try {
    exchange_(failure_words(failure));
  } catch (...) {  // the failure at hand says more than that somebody is lost
  }
}

std::string_view WordsIn::piece(uint64_t size) {
  if (size > bytes_.size())
    throw Error("the loader of another process sent less than was expected; do all run the same program?");
  const std::string_view taken = bytes_.substr(0, size);
  bytes_.remove_prefix(size);
  return taken;
}

}  // namespace fsc::detail
