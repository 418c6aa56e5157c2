// A server's answer through libcurl: bounded buffer, own watch for silence, Range to read on after a break.
#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "fsc/core/clock.h"
#include "fsc/core/log.h"
#include "shards/detail_http_login.h"
#include "shards/detail_streams.h"

namespace fsc::detail {
namespace {

constexpr size_t kReadAhead = 4 << 20;  // bytes of the answer that may wait in memory, beside what the kernel holds
constexpr long kReceiveBuffer = 256 << 10;
constexpr long kMostRedirects = 10;
constexpr double kLongestConnect = 1e6;  // seconds

/// What is known of the file behind a URL; a later answer that contradicts it is of another file.
struct Source {
  std::string url, name;
  StreamOptions options;
  HttpLogin login;
  std::string etag{};
  std::optional<uint64_t> size{};
  bool is_https() const { return url.starts_with("https://"); }
};

struct EasyDeleter {
  void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
};
struct MultiDeleter {
  void operator()(CURLM* multi) const { ::curl_multi_cleanup(multi); }
};

/// "bytes 100-199/1000", "bytes 100-199/*" (size unknown) or "bytes */1000" (nothing was sent).
struct ContentRange {
  uint64_t first = 0;
  std::optional<uint64_t> size;
};
std::optional<ContentRange> parse_content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  ContentRange range;
  const auto first = std::from_chars(text.data(), text.data() + text.size(), range.first);
  const size_t slash = text.find('/');
  if ((first.ec != std::errc() && !text.starts_with('*')) || slash == std::string_view::npos) return std::nullopt;
  uint64_t size = 0;
  const auto whole = std::from_chars(text.data() + slash + 1, text.data() + text.size(), size);
  if (whole.ec == std::errc()) range.size = size;
  return range;
}

class Answer final : public Connection {
 public:
  Answer(std::shared_ptr<Source> source, uint64_t offset);
  ~Answer() override { ::curl_multi_remove_handle(multi_.get(), easy_.get()); }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  uint64_t begin() override;
  size_t read(std::span<char> out) override;

 private:
  template <class T>
  void set(CURLoption option, T value) {
    const CURLcode code = ::curl_easy_setopt(easy_.get(), option, value);
    if (code != CURLE_OK) throw Error(source_->name + ": " + ::curl_easy_strerror(code));
  }
  void set_login();
  void find_certificates();
  static size_t on_body(char* data, size_t one, size_t count, void* self);
  static size_t on_header(char* data, size_t one, size_t count, void* self);
  void wait_for_body();
  void take_result();
  void check_status(long status) const;
  void check_result() const;
  bool redirected() const;
  void check_identity();
  std::string header(const char* name) const;  // the name in small letters

  std::shared_ptr<Source> source_;
  uint64_t offset_;
  std::unique_ptr<CURL, EasyDeleter> easy_{::curl_easy_init()};
  std::unique_ptr<CURLM, MultiDeleter> multi_{::curl_multi_init()};
  char error_[CURL_ERROR_SIZE] = "";
  std::string body_;  // what has arrived and was not read yet begins at used_
  size_t used_ = 0;
  bool paused_ = false, finished_ = false;
  std::map<std::string, std::string> headers_;  // of the last answer; curl_easy_header needs curl 7.83
  uint64_t heard_ = 0;                          // calls that brought something
  CURLcode result_ = CURLE_OK;
  uint64_t at_ = 0;  // place in the file of the next byte to be read
};

Answer::Answer(std::shared_ptr<Source> source, uint64_t offset) : source_(std::move(source)), offset_(offset) {
  if (!easy_ || !multi_) throw Break("curl cannot start");
  set(CURLOPT_URL, source_->url.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, source_->is_https() ? "https" : "http,https");
#else
  constexpr long kHttps = CURLPROTO_HTTPS, kBoth = CURLPROTO_HTTP | CURLPROTO_HTTPS;
  set(CURLOPT_PROTOCOLS, kBoth);
  set(CURLOPT_REDIR_PROTOCOLS, source_->is_https() ? kHttps : kBoth);
#endif
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, kMostRedirects);
  set(CURLOPT_FAILONERROR, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
  set(CURLOPT_QUICK_EXIT, 1L);  // a stop does not wait for a name server that keeps silent
#endif
  set(CURLOPT_USERAGENT, "fsc");
  set(CURLOPT_BUFFERSIZE, kReceiveBuffer);
  set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(std::clamp(1000 * source_->options.timeout_seconds, 1.0, 1000 * kLongestConnect)));
  set(CURLOPT_ERRORBUFFER, error_);
  set(CURLOPT_WRITEFUNCTION, &Answer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Answer::on_header);
  set(CURLOPT_HEADERDATA, this);
  find_certificates();
  set_login();
  if (offset > 0) set(CURLOPT_RANGE, (std::to_string(offset) + "-").c_str());
  if (::curl_multi_add_handle(multi_.get(), easy_.get()) != CURLM_OK) throw Break("curl cannot start");
}

/// By the variables that the curl command looks at and the library does not.
void Answer::find_certificates() {
  for (const char* variable : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* file = std::getenv(variable);
    if (file && *file) return set(CURLOPT_CAINFO, file);
  }
}

void Answer::set_login() {
  const HttpLogin& login = source_->login;
  if (login.bearer.empty()) return set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
  // No netrc beside a token: libcurl would hand the token to a host that a redirect leads to and that netrc knows.
  set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
  set(CURLOPT_XOAUTH2_BEARER, login.bearer.c_str());
  if (!source_->is_https()) set(CURLOPT_PROXY, "");  // to this machine, in the clear: past any proxy
}

size_t Answer::on_body(char* data, size_t one, size_t count, void* self) {
  auto& answer = *static_cast<Answer*>(self);
  if (answer.body_.size() - answer.used_ >= kReadAhead) {
    answer.paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  ++answer.heard_;
  answer.body_.append(data, one * count);
  return one * count;
}

size_t Answer::on_header(char* data, size_t one, size_t count, void* self) {
  auto& answer = *static_cast<Answer*>(self);
  ++answer.heard_;
  const std::string_view line(data, one * count);
  if (line.starts_with("HTTP/")) answer.headers_.clear();  // what came before was a redirect's, or a proxy's
  if (const size_t colon = line.find(':'); colon != std::string_view::npos) {
    std::string name(line.substr(0, colon)), value(line.substr(colon + 1));
    std::transform(name.begin(), name.end(), name.begin(), [](char c) { return 'A' <= c && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    constexpr const char* kBlanks = " \t\r\n";
    value.erase(value.find_last_not_of(kBlanks) + 1);
    value.erase(0, value.find_first_not_of(kBlanks));
    answer.headers_.emplace(std::move(name), std::move(value));
  }
  return one * count;
}

/// Until there is something to read or the answer is over. Time runs only while we wait here, not while the reader is busy
/// elsewhere.
void Answer::wait_for_body() {
  body_.clear();
  used_ = 0;
  if (paused_) {
    paused_ = false;
    ::curl_easy_pause(easy_.get(), CURLPAUSE_CONT);
  }
  auto last_heard = Clock::now();
  while (body_.empty() && !finished_) {
    check_stop(source_->name, source_->options);
    const uint64_t heard = heard_;
    int running = 0;
    if (::curl_multi_perform(multi_.get(), &running) != CURLM_OK) throw Break("curl failed");
    take_result();
    if (!body_.empty() || finished_) return;
    if (heard != heard_) last_heard = Clock::now();
    if (Clock::now() - last_heard > std::chrono::duration<double>(source_->options.timeout_seconds))
      throw Break("the server has sent nothing for " + format_duration(source_->options.timeout_seconds));
    ::curl_multi_poll(multi_.get(), nullptr, 0, wait_milliseconds(source_->options), nullptr);
  }
}

void Answer::take_result() {
  int left = 0;
  while (const CURLMsg* message = ::curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    finished_ = true;
    result_ = message->data.result;
  }
}

void Answer::check_status(long status) const {
  if (status == 200 || status == 206) return;
  const std::string cause = "the server answers HTTP " + std::to_string(status);
  if (status == 408 || status == 425 || status == 429 || status >= 500) throw Break(cause);
  if (status == 403 || status == 404 || status == 410)
    throw NotFound(source_->name + ": " + cause + "; check the URL and the right to read it" + source_->login.hint());
  if (status == 401) throw Error(source_->name + ": " + cause + ", it wants to know who asks" + source_->login.hint());
  throw Error(source_->name + ": " + cause);
}

std::string Answer::header(const char* name) const {
  const auto found = headers_.find(name);
  return found == headers_.end() ? "" : found->second;
}

bool Answer::redirected() const {
  long status = 0;
  ::curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  return status >= 300 && status < 400;
}

void Answer::check_result() const {
  const std::string cause = error_[0] ? error_ : ::curl_easy_strerror(result_);
  switch (result_) {
    case CURLE_OK:
      return;
    case CURLE_UNSUPPORTED_PROTOCOL:  // a redirect elsewhere, or no HTTP at all
      if (source_->is_https() && redirected())
        throw Error(source_->name + ": the server redirects to something else than https, which is not followed (" + cause +
                    "); write the URL that it leads to, if you trust it");
      [[fallthrough]];
    case CURLE_URL_MALFORMAT:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      throw Error(source_->name + ": " + cause);
    default:
      throw Break(cause);
  }
}

uint64_t Answer::begin() {
  wait_for_body();
  long status = 0;
  ::curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  const auto range = parse_content_range(header("content-range"));
  if (status == 416 && offset_ > 0 && range && range->size == offset_) {  // the break came after the last byte
    result_ = CURLE_OK;
    return at_ = offset_;
  }
  if (result_ != CURLE_HTTP_RETURNED_ERROR && body_.empty()) check_result();
  check_status(status);
  if (status == 206) {
    if (!range || range->first > offset_)
      throw Error(source_->name + ": the server sends another part of the file than was asked for");
    at_ = range->first;
  }
  check_identity();
  return at_;
}

/// The file must be the one that the first bytes came from, or its halves would be put together wrongly.
void Answer::check_identity() {
  std::optional<uint64_t> size;
  curl_off_t length = -1;
  ::curl_easy_getinfo(easy_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (length >= 0) size = static_cast<uint64_t>(length);
  if (const auto range = parse_content_range(header("content-range"))) size = range->size;
  const std::string etag = header("etag");
  if (offset_ == 0) {
    source_->size = size;
    source_->etag = etag;
  }
  const bool other_size = size && source_->size && *size != *source_->size;
  const bool other_tag = !etag.empty() && !source_->etag.empty() && etag != source_->etag;
  if (other_size || other_tag) throw Error(source_->name + " was changed on the server while it was read; start again");
}

size_t Answer::read(std::span<char> out) {
  if (used_ == body_.size() && !finished_) wait_for_body();
  if (used_ < body_.size()) {
    const size_t n = std::min(out.size(), body_.size() - used_);
    std::memcpy(out.data(), body_.data() + used_, n);
    used_ += n;
    at_ += n;
    return n;
  }
  check_result();
  if (source_->size && at_ < *source_->size)
    throw Break("the server stopped at byte " + std::to_string(at_) + " of " + std::to_string(*source_->size));
  return 0;
}

void init_curl() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      throw Error("libcurl cannot start; shards on http servers cannot be read");
  });
}

}  // namespace

std::unique_ptr<ByteStream> open_http_stream(const std::string& url, const StreamOptions& options) {
  init_curl();
  auto source =
      std::make_shared<Source>(Source{.url = url, .name = shown_url(url), .options = options, .login = find_login(url)});
  return make_retry_stream(
      source->name, [source](uint64_t offset) { return std::make_unique<Answer>(source, offset); }, options);
}

}  // namespace fsc::detail
