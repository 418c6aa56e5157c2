// Whether a URL gets the token of the environment.
#include <arpa/inet.h>
#include <curl/curl.h>
#include <strings.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "fsc/core/error.h"
#include "shards/detail_http_login.h"

namespace fsc::detail {
namespace {

struct ParsedUrl {
  std::string scheme, host;
  bool has_user = false;
};

/// As libcurl itself will read it; an empty host where it will refuse it.
ParsedUrl parse(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&::curl_url_cleanup)> handle(::curl_url(), &::curl_url_cleanup);
  ParsedUrl parsed;
  if (!handle || ::curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return parsed;
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    if (::curl_url_get(handle.get(), which, &text, 0) != CURLUE_OK || !text) return std::string();
    std::string copy = text;
    ::curl_free(text);
    return copy;
  };
  parsed.scheme = part(CURLUPART_SCHEME);
  parsed.host = part(CURLUPART_HOST);
  parsed.has_user = !part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty();
  return parsed;
}

bool same_host(std::string_view a, const std::string& b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool is_this_machine(const std::string& host) {
  in_addr address{};
  if (::inet_pton(AF_INET, host.c_str(), &address) == 1) return ntohl(address.s_addr) >> 24 == 127;
  return same_host(host, "localhost") || host == "[::1]";
}

/// Whether the list of hosts, where there is one, has this one.
bool is_listed(const std::string& host) {
  const char* variable = std::getenv(kHostsVariable);
  if (!variable || !*variable) return true;
  const std::string_view hosts = variable;
  for (size_t begin = 0; begin <= hosts.size();) {
    const size_t end = std::min(hosts.find(',', begin), hosts.size());
    std::string_view one = hosts.substr(begin, end - begin);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (same_host(one, host)) return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

std::string HttpLogin::hint() const {
  const std::string name = kTokenVariable;
  if (!bearer.empty()) return "; the token of " + name + " was sent";
  if (withheld)
    return "; the token of " + name + " was not sent: it goes over https only, not beside a user in the URL, and, where " +
           kHostsVariable + " is set, only to the hosts listed there";
  return "; of a private server ~/.netrc may have user and password, or " + name + " a token";
}

HttpLogin find_login(const std::string& url) {
  const char* variable = std::getenv(kTokenVariable);
  const std::string token = variable ? variable : "";
  if (token.empty()) return {};
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 127; }))
    throw UsageError(std::string(kTokenVariable) + " holds blanks, line ends or other characters that no token has; set it anew");
  const ParsedUrl parsed = parse(url);
  const bool safe = parsed.scheme == "https" || is_this_machine(parsed.host);
  if (safe && !parsed.has_user && !parsed.host.empty() && is_listed(parsed.host)) return {.bearer = token};
  return {.bearer = "", .withheld = true};
}

}  // namespace fsc::detail
