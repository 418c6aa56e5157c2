// Tables and JSON files as a stream: the whole list lies in memory, an epoch is a permutation of it.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "data/detail_streams.h"
#include "data/detail_together.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/core/rng.h"
#include "fsc/data/table.h"

namespace fsc::detail {
namespace {
using nlohmann::json;

/// A sample of the list: one pair (captions: all), or all pairs of an image (captions: one).
using Group = std::vector<size_t>;

class PairStream : public SampleStream {
 public:
  PairStream(const StreamSetup& setup, uint32_t source, std::vector<RawSample>& missing)
      : config_(setup.data->train[source]), seed_(setup.seed), source_(source), shuffle_(setup.data->shuffle) {
    pairs_ = read_pairs(config_, setup.negative_column);
    group();
    const auto look = [this] { return missing_images(); };
    leave_out(setup.together ? setup.together->of_first(look) : look(), missing);
  }

  int64_t size() const override { return static_cast<int64_t>(usable_.size()); }
  bool repeats_images() const override { return repeats_; }

  /// The file's bytes and the samples that are missing decide the order of an epoch.
  std::string fingerprint() const override {
    std::string identity = sha256_file(config_.path);
    for (size_t i = 0, next = 0; i < groups_.size(); ++i) {
      if (next < usable_.size() && usable_[next] == i)
        ++next;
      else
        identity += " " + std::to_string(i);
    }
    return std::to_string(groups_.size()) + (groups_.size() == pairs_.size() ? " rows, " : " images, ") +
           std::to_string(usable_.size()) + " with their image, SHA-256 " + sha256_hex(identity);
  }

  void start(uint64_t epoch) override {
    epoch_ = epoch;
    draw_ = 0;
    order_ = usable_;
    if (shuffle_) {
      Rng rng = source_ == 0 ? Rng({seed_, static_cast<uint64_t>(Stream::kShuffle), epoch})
                             : Rng({seed_, static_cast<uint64_t>(Stream::kShuffle), epoch, source_});
      rng.shuffle(order_);
    }
  }

  RawSample next() override {
    const int64_t place = draw_ % size(), pass = draw_ / size();
    ++draw_;
    return sample(order_[static_cast<size_t>(place)], static_cast<uint64_t>(pass));
  }

  std::string state() const override { return json{{"draw", draw_}}.dump(); }
  void restore(const std::string& state) override { draw_ = json::parse(state).at("draw").get<int64_t>(); }

 private:
  RawSample sample(size_t number, uint64_t pass) const {
    const Group& group = groups_[number];
    RawSample raw;
    raw.index = sample_index(group[0], source_, pass);
    size_t chosen = group[0];
    if (group.size() > 1) chosen = group[Rng::of(seed_, epoch_, raw.index, Stream::kCaption).below(group.size())];
    const Pair& pair = pairs_[chosen];
    raw.key = pair.key;
    raw.image = images_[chosen];
    raw.image_file = pair.image;
    raw.caption = pair.caption;
    raw.listed = pair.negatives;
    raw.source = source_;
    return raw;
  }

  void group() {
    std::unordered_map<uint64_t, size_t> places;
    for (size_t i = 0; i < pairs_.size(); ++i) {
      images_.push_back(hash_text(pairs_[i].image.lexically_normal().string()));
      const auto [it, fresh] = places.emplace(images_.back(), groups_.size());
      if (fresh || config_.captions == CaptionChoice::kAll)
        groups_.push_back({i});
      else
        groups_[it->second].push_back(i);
      repeats_ |= !fresh && config_.captions == CaptionChoice::kAll;
    }
  }

  /// The numbers of the samples whose image does not exist, for all processes.
  std::string missing_images() const {
    WordsOut words;
    words.add(static_cast<uint64_t>(groups_.size()));
    std::unordered_map<uint64_t, bool> known;
    for (size_t i = 0; i < groups_.size(); ++i) {
      const size_t first = groups_[i][0];
      const auto [it, fresh] = known.emplace(images_[first], false);
      std::error_code error;
      if (fresh) it->second = std::filesystem::exists(pairs_[first].image, error);
      if (!it->second) words.add(static_cast<uint64_t>(i));
    }
    words.add(static_cast<uint64_t>(groups_.size()));
    return words.bytes();
  }

  void leave_out(const std::string& missing_images, std::vector<RawSample>& missing) {
    WordsIn words(missing_images);
    if (words.number<uint64_t>() != groups_.size())
      throw Error(config_.path + " has another number of samples here than on rank 0; let all processes read the same file");
    auto next = words.number<uint64_t>();
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (i < next) {
        usable_.push_back(i);
        continue;
      }
      missing.push_back(sample(i, 0));
      missing.back().fail(SampleProblem::kImage, pairs_[groups_[i][0]].image.string() + " does not exist");
      next = words.number<uint64_t>();
    }
    if (usable_.empty())
      throw Error("none of the " + std::to_string(groups_.size()) + " images of " + config_.path + " exists, for example " +
                  pairs_[0].image.string() + "; set data.train.image_root to the folder the paths start from");
  }

  const TrainSourceConfig config_;
  uint64_t seed_;
  uint32_t source_;
  bool shuffle_;
  std::vector<Pair> pairs_;
  std::vector<uint64_t> images_;  // of each pair
  std::vector<Group> groups_;
  std::vector<size_t> usable_;  // groups whose image is there
  bool repeats_ = false;

  uint64_t epoch_ = 0;
  std::vector<size_t> order_;
  int64_t draw_ = 0;
};

}  // namespace

std::unique_ptr<SampleStream> open_pair_stream(const StreamSetup& setup, uint32_t source, std::vector<RawSample>& missing) {
  return std::make_unique<PairStream>(setup, source, missing);
}

}  // namespace fsc::detail
