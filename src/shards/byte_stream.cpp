// Which kind of stream a URL asks for.
#include "fsc/shards/byte_stream.h"

#include <algorithm>
#include <vector>

#include "shards/detail_streams.h"

namespace fsc {
namespace {

/// "s3" of "s3://bucket/key"; empty for a path.
std::string scheme_of(const std::string& url) {
  const size_t end = url.find("://");
  if (end == std::string::npos || end == 0) return "";
  const auto fits = [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '-' || c == '.'; };
  return std::all_of(url.begin(), url.begin() + static_cast<std::ptrdiff_t>(end), fits) ? url.substr(0, end) : "";
}

}  // namespace

bool detail::is_http(std::string_view url) { return url.starts_with("http://") || url.starts_with("https://"); }

std::string shown_url(const std::string& url) {
  if (!detail::is_http(url)) return url;
  std::string text = url.substr(0, url.find_first_of("?#"));
  const size_t host = text.find("://") + 3, end = std::min(text.find('/', host), text.size()), at = text.rfind('@', end);
  if (at != std::string::npos && at > host) text.erase(host, at + 1 - host);
  return text;
}

bool is_remote(const std::string& url) { return url.starts_with(detail::kPipePrefix) || detail::is_http(url); }

std::unique_ptr<ByteStream> open_stream(const std::string& url, const StreamOptions& options) {
  if (detail::is_http(url)) return detail::open_http_stream(url, options);
  if (url.starts_with(detail::kPipePrefix)) return detail::open_pipe_stream(url.substr(detail::kPipePrefix.size()), options);
  const std::string scheme = scheme_of(url);
  if (scheme == "file") throw Error(url + ": write the path without file://");
  if (!scheme.empty())
    throw Error(
        url + ": " + scheme +
        ":// is not read directly, only paths, http:// and https://; let a command fetch it, for example 'pipe:aws s3 cp " + url +
        " -'");
  return detail::open_file_stream(url, options);
}

std::string read_all(const std::string& url, const StreamOptions& options, uint64_t limit) {
  const auto stream = open_stream(url, options);
  std::string bytes;
  std::vector<char> buffer(1 << 16);
  while (const size_t n = stream->read(buffer)) {
    if (bytes.size() + n > limit)
      throw Error(shown_url(url) + " has more than the " + std::to_string(limit) + " bytes that it may have");
    bytes.append(buffer.data(), n);
  }
  return bytes;
}

}  // namespace fsc
