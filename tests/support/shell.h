// Runs a shell's command line in a folder.
#pragma once
#include <stdio.h>
#include <sys/wait.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace fsc::test {

struct ShellEnded {
  int code = 0;        ///< exit code; 128 + the signal that ended it
  std::string output;  ///< stdout and stderr together
};

/// `command` is what sh understands, such as a line of a manual.
inline ShellEnded shell(const std::string& command, const std::filesystem::path& folder) {
  const std::string line = "cd '" + folder.string() + "' && { " + command + "\n} 2>&1";
  FILE* out = ::popen(line.c_str(), "r");
  if (!out) throw std::runtime_error("cannot start a shell");
  ShellEnded ended;
  for (int c; (c = ::fgetc(out)) != EOF;) ended.output += static_cast<char>(c);
  const int status = ::pclose(out);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ended;
}

}  // namespace fsc::test
