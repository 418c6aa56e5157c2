// What the programs would tell their user.
#pragma once
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>

namespace fsc::test {

/// The default logger's lines while it lives.
class Heard {
 public:
  Heard() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("heard", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~Heard() { spdlog::set_default_logger(before_); }
  Heard(const Heard&) = delete;
  Heard& operator=(const Heard&) = delete;
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;  // outlives the logger that writes into it
  std::shared_ptr<spdlog::logger> before_;
};

}  // namespace fsc::test
