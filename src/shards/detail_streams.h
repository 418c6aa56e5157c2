// The three kinds of streams, and what pipes and servers share: tries that break and are made again.
#pragma once
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "fsc/core/error.h"
#include "fsc/core/stop.h"
#include "fsc/shards/byte_stream.h"

namespace fsc::detail {

inline constexpr std::string_view kPipePrefix = "pipe:";
bool is_http(std::string_view url);

/// There is no such file or page, which a caller may take as an answer.
class NotFound : public Error {
 public:
  using Error::Error;
};

/// A failure that another try may mend; its text is the cause.
class Break : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One try at a source: a running command, an answer of a server.
class Connection {
 public:
  virtual ~Connection() = default;
  /// Where in the source its bytes begin, which may be before the offset asked for; waits until that is known. Throws as read().
  virtual uint64_t begin() = 0;
  /// Up to `buffer.size()` bytes; 0 only at the end. Throws Break, or Error when it is of no use to try again.
  virtual size_t read(std::span<char> buffer) = 0;
};
/// Makes a connection whose bytes begin at `offset`, or before it where the source cannot do that.
using Connect = std::function<std::unique_ptr<Connection>(uint64_t offset)>;

/// The source called `name` in messages, connected to as often as it takes.
std::unique_ptr<ByteStream> make_retry_stream(std::string name, Connect connect, const StreamOptions& options);

std::unique_ptr<ByteStream> open_file_stream(const std::string& path, const StreamOptions& options);
std::unique_ptr<ByteStream> open_pipe_stream(const std::string& command, const StreamOptions& options);
std::unique_ptr<ByteStream> open_http_stream(const std::string& url, const StreamOptions& options);

/// Longest single wait before check_stop is asked again.
inline constexpr int kWaitMilliseconds = kStopPollMilliseconds;
/// Of one wait for a source; less where the time of silence is shorter.
int wait_milliseconds(const StreamOptions& options);
/// The one place that knows whether reading is to end: every wait and every piece of a file asks it. Throws ReadStopped with
/// `name`.
void check_stop(const std::string& name, const StreamOptions& options);

}  // namespace fsc::detail
