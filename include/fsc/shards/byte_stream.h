// Bytes of a shard in order, wherever they lie: a file, `pipe:command`, or http(s)://.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "fsc/core/error.h"

namespace fsc {

/// How stubborn a stream is: a pipe or a server that fails is asked again, after pauses that double, and read on from where it
/// broke off.
struct StreamOptions {
  int64_t retries = 4;       ///< further tries after the first, for each break; one that brings new bytes is a break of its own
  double first_pause = 1.0;  ///< seconds before the first of them
  double timeout_seconds = 60.0;  ///< no byte for so long, while we wait for one, counts as a break; for http also connecting
  std::stop_token stop{};         ///< a stop request ends every wait within a tenth of a second, with ReadStopped
};

/// Reading ended because that was asked for: nothing is wrong with the source, and nothing of it is lost.
class ReadStopped : public Error {
 public:
  using Error::Error;
};

/// Reads one source once from the front. Not thread-safe.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Up to `buffer.size()` bytes; 0 only at the end. Error names the source and what went wrong after the last try (exit status
  /// of a command and the end of what it said, HTTP status, errno); ReadStopped.
  virtual size_t read(std::span<char> buffer) = 0;
  /// Passes over up to `count` bytes without handing them out (a file seeks); how many there were.
  virtual uint64_t skip(uint64_t count) = 0;
};

/// `url`: a path, `pipe:shell command`, `http://…` or `https://…`. What cannot succeed by asking again (a missing file, HTTP 404)
/// fails at once. A file is opened here; commands start and servers are asked at the first read. A command that still runs when
/// its stream goes is killed with its children. Proxies and certificates are found as the curl command finds them; a private
/// server is told the URL's user, the token of FSC_HTTP_BEARER_TOKEN (over https, or to this machine; only to the hosts listed in
/// FSC_HTTP_BEARER_HOSTS where that is set), or what ~/.netrc has for it. What begins as https is never redirected to http. A
/// path that is no regular file, such as a FIFO, is refused.
std::unique_ptr<ByteStream> open_stream(const std::string& url, const StreamOptions& options = {});

/// The whole of a small remote or local file; Error as read(), and when it is larger than `limit`.
std::string read_all(const std::string& url, const StreamOptions& options = {}, uint64_t limit = 64 << 20);

/// True for pipe: and http(s):.
bool is_remote(const std::string& url);

/// A URL as messages show it: of http(s) no password, and no query, which may be a signature.
std::string shown_url(const std::string& url);

}  // namespace fsc
