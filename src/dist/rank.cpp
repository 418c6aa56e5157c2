// The last stop of what a rank throws: without destructors, which may wait for others.
#include "fsc/dist/rank.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "fsc/core/stop.h"
#include "fsc/dist/together.h"

namespace fsc {
namespace {

/// What torchrun shows of the rank that failed first.
void write_error_file(const std::string& message) {
  const auto path = process_environment()("TORCHELASTIC_ERROR_FILE");
  if (!path) return;
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const nlohmann::json json = {
      {"message", {{"message", message}, {"extraInfo", {{"py_callstack", ""}, {"timestamp", std::to_string(now)}}}}}};
  std::ofstream(*path) << json.dump() << '\n';
}

[[noreturn]] void end_rank(const char* program, const Layout& layout, const std::string& message, ExitCode code, bool common) {
  write_error_file(message);
  if (layout.is_first())
    std::fprintf(stderr, "%s: %s\n", program, message.c_str());
  else
    spdlog::log(common ? spdlog::level::info : spdlog::level::err, "{}", message);
  spdlog::default_logger()->flush();
  std::fflush(stdout);
  std::_Exit(static_cast<int>(code));
}

}  // namespace

ExitCode as_a_rank(const char* program, const Layout& layout, const std::function<ExitCode()>& work) {
  if (layout.alone()) return work();
  try {
    return work();
  } catch (const CommonError& error) {
    end_rank(program, layout, error.what(), error.code(), /*common=*/true);
  } catch (const Error& error) {
    end_rank(program, layout, error.what(), error.code(), /*common=*/false);
  } catch (const Stopped&) {
    throw;
  } catch (const std::exception& error) {
    end_rank(program, layout, fmt::format("rank {}: {}", layout.rank, error.what()), ExitCode::kFailed, /*common=*/false);
  }
}

}  // namespace fsc
