// A config with a field of every kind, and short ways to read one.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fsc/config/config.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc::test {

enum class Colour { kRed, kGreen, kDarkBlue };

struct Crop {
  std::vector<double> scale = {0.9, 1.0};
  double chance = 0.5;

  void fields(config::Collector& v);
};

struct Item {
  std::string name;
  int64_t count = 1;
  config::StringMap images;
  std::vector<std::string> tags;

  void fields(config::Collector& v);
};

struct Inner {
  std::string path = "a/b.tsv";
  Colour colour = Colour::kRed;

  void fields(config::Collector& v);
};

struct SampleConfig {
  bool flag = false;
  int64_t whole = 3;
  double real = 0.25;
  double rate = 5e-6;
  std::string text = "word";
  std::string choice = "one";
  std::vector<std::string> words = {"swap", "shuffle"};
  std::vector<double> numbers = {};
  config::StringMap images;
  Inner inner;
  bool cropped = false;
  Crop crop;
  std::vector<Item> items;
  mutable int validated = 0;

  void fields(config::Collector& v);
  void validate(config::Problems& problems) const {
    ++validated;
    if (whole > 5 && !flag) problems.add("train.whole", "above 5 needs train.flag");
    if (inner.path.empty()) problems.add("data.inner.path", "is missing");
  }
};

}  // namespace fsc::test

template <>
struct fsc::config::EnumNames<fsc::test::Colour> {
  static constexpr const char* names[] = {"red", "green", "dark-blue"};
};

inline void fsc::test::Crop::fields(config::Collector& v) {
  v(scale, "scale", "Share of the area", config::between(0.0, 1.0));
  v(chance, "chance", "Probability", config::between_open_high(0.0, 1.0));
}
inline void fsc::test::Item::fields(config::Collector& v) {
  v(name, "name", "Name of the item");
  v(count, "count", "How many", config::at_least(1));
  v(images, "images", "Folder, or source: folder");
  v(tags, "tags", "Labels");
}
inline void fsc::test::Inner::fields(config::Collector& v) {
  v(path, "path", "The table");
  v(colour, "colour", "Its colour");
}

namespace fsc::test {

struct SampleTrain {
  SampleConfig& c;
  void fields(config::Collector& v) {
    v(c.flag, "flag", "A switch");
    v(c.whole, "whole", "Steps", config::between(0, 1000));
    v(c.real, "real", "A share");
    v(c.rate, "rate", "Learning rate", config::above(0.0));
  }
};
struct SampleData {
  SampleConfig& c;
  void fields(config::Collector& v) {
    v(c.text, "text", "Any text");
    v(c.choice, "choice", "One of three", {"one", "two", "three"});
    v(c.words, "words", "Some of three", {"swap", "replace", "shuffle"});
    v(c.numbers, "numbers", "Numbers", config::at_least(0.0));
    v(c.images, "images", "Folder, or source: folder");
    v.group(c.inner, "inner");
    v.optional_group(c.crop, c.cropped, "crop", "none, or the keys below");
  }
};

}  // namespace fsc::test

inline void fsc::test::SampleConfig::fields(config::Collector& v) {
  SampleTrain train{*this};
  SampleData data{*this};
  v.group(train, "train");
  v.group(data, "data");
  v.list(items, "items", "Things");
}

namespace fsc::test {

inline SampleConfig load(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  const TempDir dir;
  return config::load<SampleConfig>(dir.write("c.yaml", yaml), overrides);
}

/// The text of the error that `yaml` and `overrides` give; "" when they are fine.
inline std::string problems_of(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  try {
    load(yaml, overrides);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    return error.what();
  }
  return "";
}

/// `text` must have every one of `parts`.
inline void expect_parts(const std::string& text, const std::vector<std::string>& parts) {
  for (const auto& part : parts) EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is not in: " << text;
}

/// `yaml` must have exactly one problem, and its text every one of `parts`.
inline void expect_problem(const std::string& yaml, const std::vector<std::string>& parts) {
  const std::string text = problems_of(yaml);
  expect_parts(text, {"has 1 problem:"});
  expect_parts(text, parts);
}

}  // namespace fsc::test
