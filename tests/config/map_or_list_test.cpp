// A list whose only element may be written as a plain map: reading, --set, writing, help, difference.
#include <gtest/gtest.h>

#include "fsc/config/config.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

struct Source {
  std::string path = "none.tsv";
  int64_t weight = 1;
  void fields(config::Collector& v) {
    v(path, "path", "The table");
    v(weight, "weight", "Its weight", config::at_least(1));
  }
};

struct SourcesConfig {
  std::vector<Source> train = {{}};
  bool shuffle = true;
  void fields(config::Collector& v) {
    v.map_or_list(train, "data.train", "Where samples come from");
    v(shuffle, "data.shuffle", "New order");
  }
  void validate(config::Problems& problems) const {
    for (size_t i = 0; i < train.size(); ++i)
      if (train[i].path == "bad")
        problems.add(train.size() == 1 ? "data.train.path" : "data.train[" + std::to_string(i) + "].path", "is bad");
  }
};

SourcesConfig load_sources(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  const test::TempDir dir;
  return config::load<SourcesConfig>(dir.write("c.yaml", yaml), overrides);
}

void expect_refused(const std::string& yaml, const std::vector<std::string>& overrides, const std::vector<std::string>& parts) {
  test::expect_error([&] { load_sources(yaml, overrides); }, ExitCode::kUsage, parts);
}

TEST(MapOrList, AMapIsTheOnlyElementOverItsDefaults) {
  const SourcesConfig c = load_sources("data: {train: {path: a.tsv}}");
  ASSERT_EQ(c.train.size(), 1u);
  EXPECT_EQ(c.train[0].path, "a.tsv");
  EXPECT_EQ(c.train[0].weight, 1);
  EXPECT_EQ(load_sources("{}").train[0].path, "none.tsv");
}

TEST(MapOrList, AListHasAnyNumber) {
  const SourcesConfig c = load_sources("data: {train: [{path: a.tsv}, {path: b.tsv, weight: 2}]}");
  ASSERT_EQ(c.train.size(), 2u);
  EXPECT_EQ(c.train[1].path, "b.tsv");
  EXPECT_EQ(c.train[1].weight, 2);
  EXPECT_TRUE(load_sources("data: {train: []}").train.empty());
}

TEST(MapOrList, OverridesReachAnElement) {
  EXPECT_EQ(load_sources("data: {train: {path: a.tsv}}", {"data.train.weight=3"}).train[0].weight, 3);
  EXPECT_EQ(load_sources("{}", {"data.train.path=x", "data.train.weight=2"}).train[0].path, "x");
  EXPECT_EQ(load_sources("data: {train: [{path: a.tsv}, {path: b.tsv}]}", {"data.train[1].path=c.tsv"}).train[1].path, "c.tsv");
  EXPECT_EQ(load_sources("data: {train: {path: a.tsv}}", {"data.train[0].path=c.tsv"}).train[0].path, "c.tsv");
  EXPECT_EQ(load_sources("data: {train: {path: a.tsv}}", {"data.train=[{path: b.tsv}, {path: c.tsv}]"}).train.size(), 2u);
}

TEST(MapOrList, MistakesSayWhichElement) {
  expect_refused("data: {train: [{path: a}, {path: b}]}", {"data.train.path=c"},
                 {"there are 2 of data.train", "data.train[0].path"});
  expect_refused("data: {train: [{path: a}, {path: b}]}", {"data.train[2].path=c"},
                 {"there is no data.train[2]", "has 2 elements"});
  expect_refused("data: {train: {pth: a}}", {}, {"c.yaml:1: data.train.pth", "did you mean data.train.path"});
  expect_refused("data: {train: [{path: a}, {weight: 0}]}", {}, {"data.train[1].weight: expected whole number >= 1"});
  expect_refused("data: {train: 7}", {}, {"data.train: expected a map, or a list of maps, got '7'"});
  expect_refused("data:\n  train:\n    path: bad", {}, {"c.yaml:3: data.train.path: is bad"});
  expect_refused("data:\n  train:\n    - path: a\n    - path: bad", {}, {"c.yaml:4: data.train[1].path: is bad"});
  expect_refused("{}", {"data.train.path=bad"}, {"--set data.train.path=bad", "is bad"});
  expect_refused("data: {trian: {path: a}}", {}, {"did you mean data.train"});
}

TEST(MapOrList, YamlReadsBack) {
  SourcesConfig one = load_sources("data: {train: {path: a.tsv, weight: 4}}");
  const std::string text = config::to_yaml(config::fields_of(one));
  EXPECT_NE(text.find("  train:\n    path: a.tsv\n    weight: 4\n"), std::string::npos) << text;
  EXPECT_EQ(load_sources(text).train[0].weight, 4);
  SourcesConfig two = load_sources("data: {train: [{path: a.tsv}, {path: b.tsv, weight: 2}]}");
  const SourcesConfig again = load_sources(config::to_yaml(config::fields_of(two)));
  ASSERT_EQ(again.train.size(), 2u);
  EXPECT_EQ(again.train[1].weight, 2);
}

TEST(MapOrList, HelpListsTheKeysOfOne) {
  SourcesConfig c;
  const std::string help = config::help_text(config::fields_of(c));
  for (const char* part : {"  data.train\n      Where samples come from [a map, or a list of maps]",
                           "  data.train.path = none.tsv", "  data.train.weight = 1"})
    EXPECT_NE(help.find(part), std::string::npos) << part << "\n" << help;
}

TEST(MapOrList, DifferencesGoIntoElements) {
  SourcesConfig a = load_sources("data: {train: {path: a.tsv}}"), b = load_sources("data: {train: {path: b.tsv}}");
  auto changes = config::diff(config::fields_of(a), config::fields_of(b));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].path, "data.train.path");
  SourcesConfig c = load_sources("data: {train: [{path: a.tsv}, {path: b.tsv}]}"),
                d = load_sources("data: {train: [{path: a.tsv}, {path: x.tsv}], shuffle: false}");
  changes = config::diff(config::fields_of(c), config::fields_of(d));
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].path, "data.train[1].path");
  EXPECT_EQ(changes[1].path, "data.shuffle");
  changes = config::diff(config::fields_of(a), config::fields_of(c));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].path, "data.train");
}

}  // namespace
}  // namespace fsc
