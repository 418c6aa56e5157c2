// Snapshots of a stream at the batches' first places, of which the one is kept that lies before all that is still wanted.
#include "data/detail_epoch_order.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/detail_together.h"
#include "fsc/core/error.h"

namespace fsc::detail {

using nlohmann::json;

OrderPlace EpochOrder::start(uint64_t epoch, const std::string& state) {
  stream_.start(epoch);
  first_ = 0;
  resumed_ = {};
  if (!state.empty()) {
    try {
      const json saved = json::parse(state);
      resumed_.next = saved.at("draw").get<int64_t>();
      resumed_.waiting = saved.at("waiting").get<std::vector<int64_t>>();
      first_ = saved.at("from").get<int64_t>();
      stream_.restore(saved.at("stream").get<std::string>());
    } catch (const json::exception& error) {
      throw Error(std::string("the loader's place in the data cannot be read from the checkpoint: ") + error.what());
    }
  }
  snapshots_ = {{first_, stream_.state(), !stream_.is_partial()}};
  return resumed_;
}

std::optional<RawSample> EpochOrder::read(int64_t draw) {
  {
    const std::lock_guard lock(mutex_);
    if (draw % per_batch_ == 0 && draw > snapshots_.back().draw)
      snapshots_.push_back({draw, stream_.state(), !stream_.is_partial()});
  }
  RawSample raw = stream_.next();
  const std::lock_guard lock(mutex_);
  seconds_ = stream_.seconds();
  const auto& waiting = resumed_.waiting;
  if (draw < resumed_.next && std::find(waiting.begin(), waiting.end(), draw) == waiting.end()) return std::nullopt;
  return raw;
}

void EpochOrder::forget_before(const OrderPlace& at) {
  int64_t wanted = at.next;
  for (const int64_t draw : at.waiting) wanted = std::min(wanted, draw);
  const std::lock_guard lock(mutex_);
  // The next one is kept only where it is certain that it has been read up to there, wherever the workers are.
  while (snapshots_.size() > 1 && snapshots_[1].draw < wanted) snapshots_.pop_front();
}

std::string EpochOrder::own_states(int64_t end) const {
  const std::lock_guard lock(mutex_);
  WordsOut words;
  for (const Snapshot& snapshot : snapshots_)
    if (!snapshot.whole && snapshot.draw < end) words.add(snapshot.stream);
  return words.bytes();
}

void EpochOrder::join_states(int64_t end, const std::vector<std::string>& words_of_ranks) {
  std::vector<WordsIn> words(words_of_ranks.begin(), words_of_ranks.end());
  const std::lock_guard lock(mutex_);
  for (Snapshot& snapshot : snapshots_) {
    if (snapshot.whole || snapshot.draw >= end) continue;
    std::vector<std::string> states;
    for (WordsIn& of_rank : words) states.push_back(of_rank.text());
    snapshot.stream = stream_.merged(states);
    snapshot.whole = true;
  }
}

std::string EpochOrder::state(const OrderPlace& at) const {
  const std::lock_guard lock(mutex_);
  const Snapshot& from = snapshots_.front();
  return json{{"draw", at.next}, {"waiting", at.waiting}, {"from", from.draw}, {"stream", from.stream}}.dump();
}

StreamSeconds EpochOrder::seconds() const {
  const std::lock_guard lock(mutex_);
  return seconds_;
}

}  // namespace fsc::detail
