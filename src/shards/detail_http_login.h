// How a private server is told who asks: the token of the environment, or libcurl's own ways (the URL's user, ~/.netrc).
#pragma once
#include <string>

namespace fsc::detail {

/// `FSC_HTTP_BEARER_TOKEN`, and `FSC_HTTP_BEARER_HOSTS`: host names with commas between them, and no other host gets it.
inline constexpr const char* kTokenVariable = "FSC_HTTP_BEARER_TOKEN";
inline constexpr const char* kHostsVariable = "FSC_HTTP_BEARER_HOSTS";

struct HttpLogin {
  std::string bearer;     ///< sent to the URL's host and, by libcurl, to no other that a redirect leads to; "" = none
  bool withheld = false;  ///< there is a token, but this URL must not have it
  /// For a message about a refusal: what may be missing. Never holds the token.
  std::string hint() const;
};

/// A token goes out over https, or over http to this machine itself, and never beside a user in the URL. UsageError: a token with
/// characters that no token has (it is not shown).
HttpLogin find_login(const std::string& url);

}  // namespace fsc::detail
