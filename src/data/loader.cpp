// Workers take places of the epoch's order one after another; the consumer puts their samples back into that order.
#include "fsc/data/loader.h"

#include <ATen/Parallel.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <numeric>
#include <set>
#include <sstream>
#include <thread>

#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/data/collate.h"
#include "fsc/data/table.h"
#include "fsc/image/decode.h"

namespace fsc {
namespace {

/// What a worker made of one place of the order: a sample, why there is none, or an exception that ends the run.
struct Made {
  std::optional<Sample> sample;
  size_t index = 0;
  std::string problem;
  LoaderStats texts;  // of its caption and negatives
  std::exception_ptr failure;
};

/// Counts bad samples, and names their images once each in bad_samples.txt (many captions may share a photo).
class BadSamples {
 public:
  BadSamples(std::filesystem::path file, double share, size_t total) : file_(std::move(file)), share_(share), total_(total) {
    std::ifstream known(file_);  // a resumed run goes on with the list
    for (std::string line; std::getline(known, line);) listed_.insert(line.substr(0, line.find('\t')));
  }

  void add(size_t index, const std::string& key, const std::string& problem) {
    if (!samples_.insert(index).second) return;
    if (!file_.empty() && listed_.insert(key).second) {
      std::ofstream out(file_, std::ios::app);
      out << key << '\t' << problem << '\n';
      if (!out.flush()) throw_io_error(file_, "write", errno);
    }
    last_ = problem;
  }

  void check() const {
    const bool some_left = samples_.size() < total_;  // a share of 1 must not let the loader search forever
    if (some_left && static_cast<double>(samples_.size()) <= share_ * static_cast<double>(total_)) return;
    throw Error(std::to_string(samples_.size()) + " of " + std::to_string(total_) + " samples are missing or broken, more than data.max_bad_samples = " +
                number(share_) + " allows; the last: " + last_ + (file_.empty() ? "" : "; all are named in " + file_.string()));
  }
  static std::string number(double value) {
    std::ostringstream text;
    text << value;
    return text.str();
  }

  int64_t count() const { return static_cast<int64_t>(samples_.size()); }

 private:
  std::filesystem::path file_;
  double share_;
  size_t total_;
  std::set<size_t> samples_;
  std::set<std::string> listed_;
  std::string last_;
};

}  // namespace

class Loader::Impl {
 public:
  explicit Impl(LoaderSetup setup) : setup_(std::move(setup)) {
    const bool column = setup_.negatives.source == NegativeSource::kColumn;
    pairs_ = read_pairs(setup_.data.train, column ? setup_.negatives.column : "");
    listed_.resize(pairs_.size());
    for (size_t i = 0; column && i < pairs_.size(); ++i) {
      try {
        listed_[i] = parse_negative_list(pairs_[i].negatives);
      } catch (const Error& error) {
        throw Error(setup_.data.train.path + ":" + std::to_string(pairs_[i].line) + " (" + pairs_[i].key + "), column " + setup_.negatives.column + ": " + error.what());
      }
    }
    bad_ = std::make_unique<BadSamples>(setup_.bad_samples_file, setup_.data.max_bad_samples, pairs_.size());
    find_images();
    fingerprint_ = describe_data();
    if (samples_per_batch() > static_cast<int64_t>(usable_.size()))
      throw Error((setup_.accum_freq > 1 ? "train.batch_size times train.accum_freq = " : "train.batch_size = ") + std::to_string(samples_per_batch()) + " is larger than the data: " + setup_.data.train.path + " has " +
                  std::to_string(usable_.size()) + " usable samples");
    at::get_num_threads();  // the main thread's count is fixed before workers choose theirs
  }

  ~Impl() { stop(); }

  int64_t samples_per_batch() const { return setup_.batch_size * setup_.accum_freq; }

  void start_epoch(int64_t epoch, int64_t draw) {
    stop();
    epoch_ = epoch;
    order_ = usable_;
    if (setup_.data.shuffle) {
      Rng rng({setup_.seed, static_cast<uint64_t>(Stream::kShuffle), static_cast<uint64_t>(epoch)});
      rng.shuffle(order_);
    }
    taken_ = next_ = draw;
    stopping_ = false;
    for (int64_t i = 0; i < setup_.data.workers; ++i) workers_.emplace_back([this] { work(); });
  }

  Batch next() {
    TORCH_CHECK(!workers_.empty(), "next() before start_epoch()");
    std::vector<Sample> samples;
    while (static_cast<int64_t>(samples.size()) < samples_per_batch()) {
      Made made = take();
      count(made.texts);
      if (made.sample) samples.push_back(std::move(*made.sample));
      else bad_->add(made.index, pairs_[made.index].key, made.problem), bad_->check();
    }
    Batch batch = collate(std::move(samples), TextLayout::of(*setup_.tokenizer, setup_.context_length));
    batch.next_draw = next_;
    return batch;
  }

  LoaderStats stats() const {
    LoaderStats stats = stats_;
    stats.bad_samples = bad_->count();
    return stats;
  }

  LoaderSetup setup_;
  std::vector<size_t> usable_;
  std::string fingerprint_;

 private:
  /// The table's bytes and the samples that are missing decide the order of an epoch.
  std::string describe_data() const {
    std::string identity = sha256_file(setup_.data.train.path);
    for (size_t i = 0, next = 0; i < pairs_.size(); ++i) {
      if (next < usable_.size() && usable_[next] == i) ++next;
      else identity += " " + std::to_string(i);
    }
    return std::to_string(pairs_.size()) + " rows, " + std::to_string(usable_.size()) + " with their image, SHA-256 " + sha256_hex(identity);
  }

  void find_images() {
    for (size_t i = 0; i < pairs_.size(); ++i) {
      std::error_code error;
      if (std::filesystem::exists(pairs_[i].image, error)) usable_.push_back(i);
      else bad_->add(i, pairs_[i].key, pairs_[i].image.string() + " does not exist");
    }
    if (usable_.empty())
      throw Error("none of the " + std::to_string(pairs_.size()) + " images of " + setup_.data.train.path + " exists, for example " + pairs_[0].image.string() +
                  "; set data.train.image_root to the folder the paths start from");
    bad_->check();
  }

  /// The consumer's side: the sample at place next_ of the order, waited for. A failure stays there, for who asks again.
  Made take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return ready_.count(next_) > 0; });
    if (const auto& failure = ready_.at(next_).failure) std::rethrow_exception(failure);
    Made made = std::move(ready_.extract(next_).mapped());
    ++next_;
    wanted_.notify_all();
    return made;
  }

  void work() {
    at::set_num_threads(1);
    torch::NoGradGuard no_graph;
    const int64_t window = setup_.data.prefetch * setup_.batch_size;
    while (true) {
      int64_t draw = 0;
      {
        std::unique_lock lock(mutex_);
        wanted_.wait(lock, [&] { return stopping_ || taken_ < next_ + window; });
        if (stopping_) return;
        draw = taken_++;
      }
      Made made;
      try {
        made = make(order_[static_cast<size_t>(draw) % order_.size()]);
      } catch (...) {  // anything but a bad sample: the consumer throws it when it comes to this place
        made.failure = std::current_exception();
      }
      {
        std::lock_guard lock(mutex_);
        ready_.emplace(draw, std::move(made));
      }
      arrived_.notify_all();
    }
  }

  Made make(size_t index) const {
    Made made;
    made.index = index;
    const Pair& pair = pairs_[index];
    Sample sample;
    sample.key = pair.key;
    try {
      const torch::Tensor pixels = decode_image_file(pair.image);
      if (setup_.data.augmented) {
        Rng rng = Rng::of(setup_.seed, static_cast<uint64_t>(epoch_), index, Stream::kAugment);
        sample.image = train_transform(pixels, setup_.preprocess, setup_.data.augment, rng);
      } else {
        sample.image = eval_transform(pixels, setup_.preprocess);
      }
    } catch (const Error& error) {
      made.problem = error.what();
      return made;
    }
    Rng rng = Rng::of(setup_.seed, static_cast<uint64_t>(epoch_), index, Stream::kNegatives);
    sample.caption = encode(pair.caption, made.texts);
    for (const auto& text : make_negatives(setup_.negatives, pair.caption, listed_[index], rng)) {
      if (text && !text->empty()) sample.negatives.emplace_back(encode(*text, made.texts));
      else sample.negatives.emplace_back(std::nullopt);
    }
    made.sample = std::move(sample);
    return made;
  }

  std::vector<int64_t> encode(const std::string& text, LoaderStats& counts) const {
    EncodeReport report;
    auto ids = setup_.tokenizer->encode(text, setup_.context_length, &report);
    ++counts.texts;
    counts.truncated += report.truncated;
    counts.mojibake += report.mojibake;
    counts.invalid_utf8 += report.invalid_utf8;
    return ids;
  }

  void count(const LoaderStats& texts) {
    stats_.texts += texts.texts;
    stats_.truncated += texts.truncated;
    stats_.mojibake += texts.mojibake;
    stats_.invalid_utf8 += texts.invalid_utf8;
  }

  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wanted_.notify_all();
    for (auto& worker : workers_) worker.join();
    workers_.clear();
    ready_.clear();
  }

  std::vector<Pair> pairs_;
  std::vector<NegativeTexts> listed_;
  std::unique_ptr<BadSamples> bad_;
  LoaderStats stats_;

  int64_t epoch_ = 0;
  std::vector<size_t> order_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wanted_, arrived_;
  std::map<int64_t, Made> ready_;  // place in the order -> sample
  int64_t taken_ = 0, next_ = 0;   // next place a worker takes, next place the consumer wants
  bool stopping_ = false;
};

Loader::Loader(LoaderSetup setup) : impl_(std::make_unique<Impl>(std::move(setup))) {}
Loader::~Loader() = default;
int64_t Loader::samples() const { return static_cast<int64_t>(impl_->usable_.size()); }
int64_t Loader::batches_per_epoch() const { return samples() / impl_->samples_per_batch(); }
int64_t Loader::negatives_per_caption() const { return impl_->setup_.negatives.count(); }
const std::string& Loader::fingerprint() const { return impl_->fingerprint_; }
void Loader::start_epoch(int64_t epoch, int64_t draw) { impl_->start_epoch(epoch, draw); }
Batch Loader::next() { return impl_->next(); }
LoaderStats Loader::stats() const { return impl_->stats(); }

}  // namespace fsc
