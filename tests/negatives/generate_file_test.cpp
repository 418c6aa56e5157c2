// Negatives of whole files: order, bytes and summary, whatever the threads; what is refused.
#include "fsc/negatives/generate_file.h"

#include <gtest/gtest.h>

#include "fsc/core/atomic_file.h"
#include "support/expect_error.h"
#include "support/scoped.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

using test::TempDir;

std::vector<std::string> captions(size_t count = 700) {
  const char* kTexts[] = {"A small dog chases two cats over the green lawn.",
                          "",
                          "A man in a red hat rides a brown horse along the beach.",
                          "dog",
                          "Two women\tcook soup in a small kitchen",
                          "A black bird sits on a wire above the old street ."};
  std::vector<std::string> result;
  for (size_t i = 0; i < count; ++i) result.emplace_back(kTexts[i % std::size(kTexts)]);
  return result;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0, end; (end = text.find('\n', at)) != text.npos; at = end + 1) lines.push_back(text.substr(at, end - at));
  return lines;
}

TEST(GenerateFile, LinesAreWhatTrainingMakes) {
  const TempDir folder;
  generate_file(captions(), {.seed = 3, .out = folder / "out.tsv"});
  NegativesConfig config;
  config.source = NegativeSource::kGenerate;
  const NegativeMaker maker(config);
  std::string expected = "index\tkind\tnegative\n";
  for (size_t i = 0; i < captions().size(); ++i) {
    const auto made = maker.make(captions()[i], {}, {3, 0, i});
    for (size_t slot = 0; slot < made.size(); ++slot) {
      if (!made[slot]) continue;
      std::string text = *made[slot];
      std::replace(text.begin(), text.end(), '\t', ' ');
      expected += std::to_string(i) + "\t" + config.kinds[slot] + "\t" + text + "\n";
    }
  }
  EXPECT_EQ(read_file(folder / "out.tsv"), expected);
}

TEST(GenerateFile, BytesDoNotDependOnTheThreads) {
  const TempDir folder;
  std::string first;
  for (const int64_t threads : {1, 4, 16}) {
    generate_file(captions(), {.kinds = {"replace", "svlc"}, .seed = 9, .threads = threads, .out = folder / "out.tsv"});
    const auto bytes = read_file(folder / "out.tsv");
    if (first.empty()) first = bytes;
    EXPECT_EQ(bytes, first) << threads;
  }
  EXPECT_GT(lines_of(first).size(), 700u);
}

TEST(GenerateFile, EpochsHaveAColumnAndDiffer) {
  const TempDir folder;
  const auto texts = captions(6);
  generate_file(texts, {.seed = 3, .epochs = 2, .out = folder / "two.tsv"});
  generate_file(texts, {.seed = 3, .out = folder / "one.tsv"});
  const auto two = lines_of(read_file(folder / "two.tsv")), one = lines_of(read_file(folder / "one.tsv"));
  ASSERT_EQ(two.size(), 2 * one.size() - 1);
  EXPECT_EQ(two[0], "epoch\t" + one[0]);
  size_t different = 0;
  for (size_t i = 1; i < one.size(); ++i) {
    EXPECT_EQ(two[i], "0\t" + one[i]);
    const std::string& later = two[one.size() - 1 + i];
    EXPECT_TRUE(later.starts_with("1\t"));
    different += later.substr(2) != one[i];
  }
  EXPECT_GT(different, one.size() / 2);
}

TEST(GenerateFile, SummaryCountsWhatWasMade) {
  const std::vector<std::string> texts = {"two xyzzys", "two plughs", "", "dog"};
  const auto summary = generate_file(texts, {.kinds = {"svlc", "swap"}});
  EXPECT_EQ(summary.captions, 4u);
  ASSERT_EQ(summary.kinds.size(), 2u);
  EXPECT_EQ(summary.kinds[0].asked, 4u);
  EXPECT_EQ(summary.kinds[0].made, 3u);
  EXPECT_EQ(summary.kinds[0].words_changed, 3u);
  EXPECT_EQ(summary.kinds[1].made, 0u);
  uint64_t replaced = 0;
  for (const auto& [piece, count] : summary.frequent) {
    EXPECT_TRUE(piece.starts_with("two -> ") || piece.starts_with("dog -> ")) << piece;
    replaced += count;
  }
  EXPECT_EQ(replaced, 3u);
  EXPECT_GT(summary.analysis_seconds, 0);
  const auto text = to_text(summary);
  for (const char* part : {"svlc", "75.00 %", "1.00", "swap", "0.00 %", "two -> ", "us"})
    EXPECT_NE(text.find(part), text.npos) << part << " in\n" << text;
}

TEST(GenerateFile, FrequentReplacementsAreTenAtMost) {
  const auto summary = generate_file(captions(), {.kinds = {"replace"}});
  EXPECT_EQ(summary.frequent.size(), 10u);
  for (size_t i = 1; i < summary.frequent.size(); ++i) EXPECT_GE(summary.frequent[i - 1].second, summary.frequent[i].second);
}

TEST(GenerateFile, PreviewsTheFirstCaptions) {
  std::vector<std::string> shown;
  const auto texts = captions(12);
  generate_file(texts, {.kinds = {"swap", "shuffle"},
                        .epochs = 2,
                        .preview = 4,
                        .show = [&](std::string_view kind, const std::string& caption, const std::string&) {
                          shown.push_back(std::string(kind) + " " + caption);
                        }});
  EXPECT_EQ(shown,
            (std::vector<std::string>{"swap " + texts[0], "shuffle " + texts[0], "swap " + texts[2], "shuffle " + texts[2]}));
}

TEST(GenerateFile, PreviewLines) {
  EXPECT_EQ(preview_line("swap", "a dog sleeps", "a cat sleeps", false), "swap     a cat sleeps");
  EXPECT_EQ(preview_line("replace", "a dog sleeps", "a cat sleeps", true), "replace  a \x1b[1;33mcat\x1b[0m sleeps");
}

TEST(GenerateFile, AFailureLeavesTheOldFile) {
  const TempDir folder;
  folder.write("out.tsv", "old");
  {
    const test::ScopedFileSizeLimit limit(1000);
    test::expect_error([&] { generate_file(captions(), {.out = folder / "out.tsv"}); }, ExitCode::kFailed, {"out.tsv"});
  }
  EXPECT_EQ(read_file(folder / "out.tsv"), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "no temporary file is left";
  test::expect_error([&] { generate_file(captions(1), {.out = folder / "no/such/out.tsv"}); }, ExitCode::kFailed,
                     {"no/such/out.tsv", "No such file"});
}

TEST(GenerateFile, MistakesAreRefused) {
  test::expect_error([] { generate_file(captions(1), {.kinds = {"swpa"}}); }, ExitCode::kUsage, {"swpa"});
  test::expect_error([] { generate_file(captions(1), {.kinds = {}}); }, ExitCode::kUsage, {"no kind", "svlc"});
  test::expect_error([] { generate_file(captions(1), {.epochs = 0}); }, ExitCode::kUsage, {"epochs"});
}

TEST(ReadCaptions, OneALine) {
  const TempDir folder;
  EXPECT_EQ(read_captions(folder.write("a.txt", "one\n\ntwo\r\nthree")), (std::vector<std::string>{"one", "", "two", "three"}));
  EXPECT_EQ(read_captions(folder.write("b.txt", "one\n")), std::vector<std::string>{"one"});
  test::expect_error([&] { read_captions(folder.write("c.txt", "")); }, ExitCode::kFailed, {"c.txt", "empty"});
  test::expect_error([&] { read_captions(folder / "none.txt"); }, ExitCode::kFailed, {"none.txt"});
}

}  // namespace
}  // namespace fsc
