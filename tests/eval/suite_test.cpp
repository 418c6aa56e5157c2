// Suites: paths, filters, and every mistake with its line.
#include "fsc/eval/suite.h"

#include <gtest/gtest.h>

#include "eval_support.h"
#include "fsc/eval/benchmark.h"

namespace fsc {
namespace {

using test::expect_error;
using test::TempDir;

TEST(Suite, ReadsEveryKey) {
  TempDir dir;
  const auto file = dir.write("suites/all.yaml",
                              "tasks:\n"
                              "  - {name: sugarcrepe, root: ../sc, images: /coco/val2017}\n"
                              "  - {name: caption_choice, label: mine, path: mine.json, images: ../photos}\n"
                              "  - {name: zeroshot, root: zs, classnames: names.txt}\n"
                              "  - {name: retrieval, format: csv, path: t.csv, image_column: img, caption_column: text}\n"
                              "batch_size: 8\n");
  const SuiteConfig suite = load_suite(file, {"workers=3"});
  ASSERT_EQ(suite.tasks.size(), 4u);
  EXPECT_EQ(suite.tasks[0].root, "../sc");
  EXPECT_EQ(suite.tasks[0].images.at(""), "/coco/val2017");
  EXPECT_EQ(suite.tasks[1].source.path, "mine.json");
  EXPECT_EQ(suite.tasks[1].images.at(""), "../photos");
  EXPECT_EQ(suite.tasks[1].shown(), "mine");
  EXPECT_EQ(suite.tasks[2].classnames, "names.txt");
  EXPECT_EQ(suite.tasks[2].templates, "");
  EXPECT_EQ(suite.tasks[3].source.format, SourceFormat::kCsv);
  EXPECT_EQ(suite.tasks[3].source.image_column, "img");
  EXPECT_EQ(suite.tasks[3].source.image_root, "");
  EXPECT_EQ(suite.batch_size, 8);
  EXPECT_EQ(suite.workers, 3);
}

TEST(Suite, SavedFormReadsBack) {
  TempDir dir;
  SuiteConfig suite = load_suite(dir.write("a.yaml", "tasks: [{name: sugarcrepe, root: /a, images: {coco: /b, vg: /c}}]\n"));
  const SuiteConfig again = load_suite(dir.write("b.yaml", config::to_yaml(config::fields_of(suite))));
  EXPECT_EQ(again.tasks[0].images, suite.tasks[0].images);
  EXPECT_EQ(again.tasks[0].root, "/a");
}

TEST(Suite, AllMistakesAtOnceWithLines) {
  TempDir dir;
  const auto file = dir.write("s.yaml",
                              "tasks:\n"
                              "  - name: sugarcrep\n"
                              "    root: a\n"
                              "  - name: sugarcrepe\n"
                              "    root: a\n"
                              "  - name: zeroshot\n"
                              "    root: a\n"
                              "    path: b\n"
                              "  - root: a\n"
                              "  - {name: zeroshot, root: b}\n"
                              "  - {name: retrieval, path: b, label: a/b}\n");
  expect_error(
      [&] { load_suite(file); }, ExitCode::kUsage,
      {"6 problems", "s.yaml:2: tasks[0].name", "'sugarcrep'; did you mean sugarcrepe?",
       "s.yaml:4: tasks[1].name: sugarcrepe needs the key images", "s.yaml:8: tasks[2].path: zeroshot does not use this key",
       "tasks[3]: has no name", "s.yaml:10: tasks[4].name: a second task is called 'zeroshot'",
       "s.yaml:11: tasks[5].label: 'a/b' cannot name a file"});
}

TEST(Suite, OtherMistakes) {
  TempDir dir;
  expect_error([&] { load_suite(dir / "absent.yaml"); }, ExitCode::kUsage, {"absent.yaml"});
  expect_error([&] { load_suite(dir.write("e.yaml", "tasks: []\n")); }, ExitCode::kUsage, {"lists no tasks"});
  expect_error([&] { load_suite(dir.write("k.yaml", "tasks: [{name: zeroshot, root: a, imges: b}]\n")); }, ExitCode::kUsage,
               {"imges", "did you mean"});
  expect_error([&] { load_suite(dir.write("y.yaml", "tasks: [\n")); }, ExitCode::kUsage, {"not valid YAML", "y.yaml:"});
  expect_error([&] { load_suite(dir.write("r.yaml", "tasks: [{name: zeroshot, root: a}]\nbatch_size: 0\n")); }, ExitCode::kUsage,
               {"batch_size", "r.yaml:2"});
  expect_error([&] { load_suite(dir.write("o.yaml", "tasks: [{name: zeroshot, root: a}]\n"), {"batch=1"}); }, ExitCode::kUsage,
               {"--set batch=1"});
}

TEST(Suite, SelectsByLabelAndName) {
  TempDir dir;
  const auto file = dir.write(
      "s.yaml",
      "tasks: [{name: zeroshot, label: pets, root: a}, {name: zeroshot, label: cars, root: b}, {name: retrieval, path: c}]\n");
  const auto labels = [&](const std::vector<std::string>& wanted) {
    SuiteConfig suite = load_suite(file);
    select_tasks(suite, wanted);
    std::string text;
    for (const auto& task : suite.tasks) text += task.shown() + " ";
    return text;
  };
  EXPECT_EQ(labels({}), "pets cars retrieval ");
  EXPECT_EQ(labels({"cars"}), "cars ");
  EXPECT_EQ(labels({"zeroshot"}), "pets cars ");
  EXPECT_EQ(labels({"retrieval", "pets"}), "pets retrieval ");
  expect_error(
      [&] {
        labels({"pets", "carss"});
      },
      ExitCode::kUsage, {"'carss'", "did you mean cars?", "pets, zeroshot, cars, retrieval"});
}

TEST(Suite, HelpNamesEveryKeyAndTask) {
  SuiteConfig suite;
  const std::string help = config::help_text(config::fields_of(suite)) + catalog_help();
  for (const char* key : {"tasks", "batch_size", "workers"})
    EXPECT_NE(help.find("  " + std::string(key) + " = "), std::string::npos) << key;
  for (const char* key : {"name", "label", "root", "images", "classnames", "templates", "format", "path", "image_root",
                          "image_column", "caption_column"})
    EXPECT_NE(help.find("      - " + std::string(key) + " = "), std::string::npos) << key;
  for (const char* task : {"sugarcrepe", "caption_choice", "zeroshot", "retrieval"})
    EXPECT_NE(help.find("\n  " + std::string(task) + " "), std::string::npos) << task;
}

TEST(Suite, ShippedSuitesAreValidAndSurviveARoundTrip) {
  TempDir dir;
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(FSC_SOURCE_DIR) / "configs/eval")) {
    SuiteConfig suite = load_suite(entry.path());
    const std::string text = config::to_yaml(config::fields_of(suite));
    SuiteConfig again = load_suite(dir.write("again.yaml", text));
    EXPECT_EQ(config::to_yaml(config::fields_of(again)), text) << entry.path();
    for (size_t i = 0; i < suite.tasks.size(); ++i) EXPECT_EQ(again.tasks[i].images, suite.tasks[i].images) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 3);
}

}  // namespace
}  // namespace fsc
