// spdlog's default logger, with sinks that share one pattern, and the terminal's progress line.
#include "fsc/core/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <mutex>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"

namespace fsc {
namespace {

constexpr const char* kConsolePattern = "%H:%M:%S %^%l%$ %v";
constexpr const char* kFilePattern = "%Y-%m-%d %H:%M:%S %l %v";

std::mutex g_terminal;                      // held by whoever writes to the terminal, and for:
const ProgressLine* g_open_line = nullptr;  // the progress line that stands there now, which no log line may be written over

/// Clears the progress line; `g_terminal` is held.
void clear_open_line() {
  if (g_open_line) std::fputs("\r\033[K", stderr);
  g_open_line = nullptr;
}

/// Console sink that clears an open progress line first.
class ConsoleSink : public spdlog::sinks::stderr_color_sink_mt {
 public:
  void log(const spdlog::details::log_msg& message) override {
    const std::lock_guard lock(g_terminal);
    clear_open_line();
    spdlog::sinks::stderr_color_sink_mt::log(message);
  }
};

double now_seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

void init_logging() {
  auto sink = std::make_shared<ConsoleSink>();
  sink->set_pattern(kConsolePattern);
  auto logger = std::make_shared<spdlog::logger>("fsc", sink);
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(logger);
}

void log_to_file(const std::filesystem::path& path) {
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
    sink->set_pattern(kFilePattern);
    spdlog::default_logger()->sinks().push_back(sink);
  } catch (const spdlog::spdlog_ex& error) {
    throw Error("cannot write the log " + path.string() + ": " + error.what());
  }
}

void log_to_file_only() {
  std::erase_if(spdlog::default_logger()->sinks(),
                [](const auto& sink) { return dynamic_cast<ConsoleSink*>(sink.get()) != nullptr; });
}

void log_step_line(const std::string& text) {
  const auto& logger = *spdlog::default_logger();
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  const spdlog::details::log_msg message(logger.name(), spdlog::level::info, text);
  for (const auto& sink : logger.sinks()) {
    if (terminal && dynamic_cast<ConsoleSink*>(sink.get())) continue;
    sink->log(message);
    sink->flush();
  }
}

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() { finish(); }

void ProgressLine::show(const std::string& text) {
  if (!terminal_) return;
  const std::lock_guard lock(g_terminal);
  const double now = now_seconds();
  if (now - last_ < 0.1) return;
  last_ = now;
  winsize size{};
  size_t width = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 100;
  while (width > 0 && width < text.size() && (text[width] & 0xC0) == 0x80) --width;  // never half a UTF-8 character
  std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(width), text.c_str());
  std::fflush(stderr);
  g_open_line = this;
}

void ProgressLine::finish() {
  const std::lock_guard lock(g_terminal);
  if (g_open_line == this) clear_open_line();
}

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds > 1e12) return "?";
  if (seconds < 59.95) return fmt::format("{:.1f}s", seconds);
  const auto total = static_cast<long>(seconds + 0.5);
  if (total < 3600) return fmt::format("{:02d}m {:02d}s", total / 60, total % 60);
  return fmt::format("{}h {:02d}m {:02d}s", total / 3600, total / 60 % 60, total % 60);
}

std::string format_bytes(double bytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  int unit = 0;
  while (bytes >= (unit == 0 ? 999.5 : 999.95) && unit < 4) bytes /= 1000, ++unit;  // where it would be printed as 1000
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, units[unit]);
}

}  // namespace fsc
