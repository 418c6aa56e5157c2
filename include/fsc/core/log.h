// Set-up of spdlog for the programs: plain lines on stderr, and in a file when a run folder has one.
#pragma once
#include <filesystem>
#include <string>

namespace fsc {

/// Default logger to stderr with short time stamps. Call once in main().
void init_logging();
/// Also append every line to `path` (flushed line by line).
void log_to_file(const std::filesystem::path& path);
/// From here on the terminal gets nothing: another process of the same run tells it all.
void log_to_file_only();

/// A line of a running job: to the log file always, to stderr only where it is no terminal (there a ProgressLine shows it).
void log_step_line(const std::string& text);

/// Terminal progress: on a terminal one line rewritten in place, elsewhere nothing (plain log lines tell the story there). Log
/// lines of any thread may come between; they clear the line first.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  /// Shows `text`, cut to the terminal's width; rate-limited to ten a second.
  void show(const std::string& text);
  /// Ends the line so that log lines start at the left margin.
  void finish();
  bool on_terminal() const { return terminal_; }

 private:
  bool terminal_ = false;
  double last_ = 0;  ///< when it was shown last, in seconds
};

/// "1h 02m 03s", "02m 03s", "3.2s".
std::string format_duration(double seconds);
/// "1.5 GB".
std::string format_bytes(double bytes);

}  // namespace fsc
