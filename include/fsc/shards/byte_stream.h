// Bytes of a shard in order, wherever they lie: a file, `pipe:command`, or http(s)://.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

namespace fsc {

/// How stubborn a stream is: a pipe or a server that fails is asked again, after pauses that double, and read on from where it
/// broke off.
struct StreamOptions {
  int64_t retries = 4;       ///< further tries after the first, for each break; one that brings new bytes is a break of its own
  double first_pause = 1.0;  ///< seconds before the first of them
  double timeout_seconds = 60.0;  ///< http: no byte for so long counts as a break (and as the limit for connecting)
  std::stop_token stop{};  ///< a stop request ends every wait of pipes and servers within a tenth of a second, with an Error
};

/// Reads one source once from the front. Not thread-safe.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Up to `buffer.size()` bytes; 0 only at the end. Error names the source and what went wrong after the last try (exit status
  /// of a command and the end of what it said, HTTP status, errno).
  virtual size_t read(std::span<char> buffer) = 0;
  /// Passes over up to `count` bytes without handing them out (a file seeks); how many there were.
  virtual uint64_t skip(uint64_t count) = 0;
};

/// `url`: a path, `pipe:shell command`, `http://…` or `https://…`. What cannot succeed by asking again (a missing file, HTTP 404)
/// fails at once. A file is opened here; commands start and servers are asked at the first read. A command that still runs when
/// its stream goes is killed with its children. Proxies and certificates are found as the curl command finds them.
std::unique_ptr<ByteStream> open_stream(const std::string& url, const StreamOptions& options = {});

/// The whole of a small remote or local file; Error as read(), and when it is larger than `limit`.
std::string read_all(const std::string& url, const StreamOptions& options = {}, uint64_t limit = 64 << 20);

/// True for pipe: and http(s):.
bool is_remote(const std::string& url);

}  // namespace fsc
