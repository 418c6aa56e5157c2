// Groups the files of an archive by key while they stream by; the time for bytes and for the archive is kept apart.
#include "fsc/shards/shard_reader.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <tuple>
#include <unordered_set>

#include "fsc/core/clock.h"
#include "fsc/core/error.h"
#include "shards/detail_streams.h"

namespace fsc {

namespace detail {

/// Counts the time that reading takes.
class TimedStream final : public ByteStream {
 public:
  explicit TimedStream(std::unique_ptr<ByteStream> stream) : stream_(std::move(stream)) {}
  size_t read(std::span<char> buffer) override {
    const auto begin = Clock::now();
    const size_t n = stream_->read(buffer);
    seconds_ += seconds_since(begin);
    return n;
  }
  uint64_t skip(uint64_t count) override {
    const auto begin = Clock::now();
    const uint64_t n = stream_->skip(count);
    seconds_ += seconds_since(begin);
    return n;
  }
  double seconds() const { return seconds_; }

 private:
  std::unique_ptr<ByteStream> stream_;
  double seconds_ = 0;
};

}  // namespace detail

namespace {

/// What makes a sample of so many files and bytes too large, or "".
std::string excess(size_t files, uint64_t bytes) {
  if (files > static_cast<size_t>(kMaxSampleFiles))
    return "has more than " + std::to_string(kMaxSampleFiles) +
           " files; a key ends at the first dot of a file's name, so names may have no dot before their extension";
  if (bytes > kMaxSampleBytes)
    return "has more than the " + std::to_string(kMaxSampleBytes >> 20) + " MiB that a sample may have";
  return "";
}

}  // namespace

const std::string* ShardSample::find(const std::string& extension) const {
  const auto it = std::find_if(files.begin(), files.end(), [&](const auto& file) { return file.first == extension; });
  return it == files.end() ? nullptr : &it->second;
}

std::pair<std::string, std::string> split_shard_file(const std::string& name) {
  const size_t base = name.rfind('/') + 1;  // npos + 1 is 0
  const size_t dot = name.find('.', base);
  if (dot == std::string::npos || dot == base || name.starts_with("__")) return {};
  std::string extension = name.substr(dot + 1);
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return {name.substr(0, dot), std::move(extension)};
}

struct ShardReader::Impl {
  Impl(std::unique_ptr<ByteStream> bytes, std::string name) : stream(std::move(bytes)), tar(stream, std::move(name)) {}

  /// Goes to the next file that belongs to a sample.
  bool find_file() {
    while (tar.next(entry)) {
      std::tie(key, extension) = split_shard_file(entry.name);
      if (!key.empty()) return true;
    }
    return false;
  }
  bool next(ShardSample& sample, bool with_data);
  bool read_file(ShardSample& sample, size_t used, bool with_data);

  detail::TimedStream stream;
  TarReader tar;
  TarEntry entry;
  std::string key, extension;  // of the entry, whose data have not been read yet
  bool started = false, pending = false;
  std::unordered_set<size_t> seen;  // hashes of keys
  int64_t count = 0, interleaved = 0;
  double seconds = 0;
};

/// The entry's name and data as file `used` of the sample; false when the archive ends inside it.
bool ShardReader::Impl::read_file(ShardSample& sample, size_t used, bool with_data) {
  if (used == sample.files.size()) sample.files.emplace_back();
  auto& [name, data] = sample.files[used];
  name = extension;
  if (with_data) return tar.read(data);
  data.clear();
  return tar.skip();
}

/// By the headers only, so that a sample is one sample whether its data are read or not.
bool ShardReader::Impl::next(ShardSample& sample, bool with_data) {
  if (!std::exchange(started, true)) pending = find_file();
  if (!std::exchange(pending, false)) return false;  // after an Error there is nothing more
  sample.key = key;
  sample.problem.clear();
  size_t used = 0;
  uint64_t bytes = 0;
  const auto has_extension = [&] {
    return std::any_of(sample.files.begin(), sample.files.begin() + static_cast<std::ptrdiff_t>(used),
                       [&](const auto& file) { return file.first == extension; });
  };
  do {
    bytes += entry.name.size() + entry.size;
    if (sample.problem.empty()) sample.problem = excess(used + 1, bytes);
    const bool whole = sample.problem.empty() ? read_file(sample, used++, with_data) : tar.skip();
    pending = whole && find_file();
  } while (pending && key == sample.key && (!sample.problem.empty() || !has_extension()));
  if (!pending && tar.truncated()) return false;  // nothing proves that this sample was whole
  sample.files.resize(sample.problem.empty() ? used : 0);
  sample.index = count++;
  sample.interleaved = !seen.insert(std::hash<std::string>()(sample.key)).second;
  interleaved += sample.interleaved;
  return true;
}

ShardReader::ShardReader(const std::string& url, const StreamOptions& options)
    : ShardReader(open_stream(url, options), shown_url(url)) {}
ShardReader::ShardReader(std::unique_ptr<ByteStream> stream, std::string name)
    : impl_(std::make_unique<Impl>(std::move(stream), std::move(name))) {}
ShardReader::~ShardReader() = default;

bool ShardReader::next(ShardSample& sample, bool with_data) {
  const auto begin = Clock::now();
  const bool found = impl_->next(sample, with_data);
  impl_->seconds += seconds_since(begin);
  return found;
}

int64_t ShardReader::skip(int64_t count) {
  ShardSample sample;
  int64_t done = 0;
  while (done < count && next(sample, false)) ++done;
  return done;
}

int64_t ShardReader::interleaved() const { return impl_->interleaved; }
const TarReader& ShardReader::archive() const { return impl_->tar; }
double ShardReader::read_seconds() const { return impl_->stream.seconds(); }
double ShardReader::untar_seconds() const { return impl_->seconds - impl_->stream.seconds(); }

int64_t count_samples(const std::string& url, const StreamOptions& options) {
  return ShardReader(url, options).skip(std::numeric_limits<int64_t>::max());
}

}  // namespace fsc
