// Checks of the one exception that users see.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fsc/core/error.h"

namespace fsc::test {

/// Runs `body`, which must throw an Error with `code` and every one of `parts` in its text.
template <class F>
void expect_error(F body, ExitCode code, const std::vector<std::string>& parts) {
  try {
    body();
    ADD_FAILURE() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    for (const auto& part : parts)
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << "'" << part << "' is not in: " << error.what();
  }
}

}  // namespace fsc::test
