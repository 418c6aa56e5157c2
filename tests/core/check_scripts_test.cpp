// The scripts that check the tree see what they are there for, in small made-up trees.
#include <gtest/gtest.h>

#include <string>

#include "support/shell.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
using test::shell;
using test::ShellEnded;
using test::TempDir;

/// A tree of two areas in order: high includes low's header and its own private one.
class Layers : public ::testing::Test {
 protected:
  Layers() {
    dir_.write("CMakeLists.txt", "fsc_area(low)\nfsc_area(high TORCH DEPS low LIBS zlib)\n");
    dir_.write("include/fsc/low/low.h", "#include <string>\n");
    dir_.write("src/low/low.cpp", "#include \"fsc/low/low.h\"\n");
    dir_.write("src/high/detail_part.h", "#include <vector>\n");
    dir_.write("src/high/high.cpp", "#include \"fsc/low/low.h\"\n#include \"high/detail_part.h\"\n");
  }

  ShellEnded check() const { return shell(FSC_SOURCE_DIR "/scripts/check_layers.sh .", dir_.path()); }
  void expect_refused(const std::string& complaint) const {
    const auto ended = check();
    EXPECT_EQ(ended.code, 1) << ended.output;
    EXPECT_NE(ended.output.find(complaint), std::string::npos) << ended.output;
    EXPECT_NE(ended.output.find("check_layers: 1 offending lines"), std::string::npos) << ended.output;
  }

  TempDir dir_;
};

TEST_F(Layers, InOrder) {
  const auto ended = check();
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_EQ(ended.output, "check_layers: 5 includes in order\n");
}

TEST_F(Layers, AnAreaThatStandsBehindIsForbidden) {
  dir_.write("include/fsc/high/high.h", "");
  dir_.write("src/low/other.cpp", "\n#include \"fsc/high/high.h\"\n");
  expect_refused("src/low/other.cpp:2: area low may not include fsc/high/high.h");
}

TEST_F(Layers, AnEdgeThatNobodyNeedsIsNamed) {
  dir_.write("src/high/high.cpp", "#include \"high/detail_part.h\"\n");
  expect_refused("CMakeLists.txt:2: area high names low among its DEPS, of which it includes nothing");
}

TEST_F(Layers, PrivateHeadersAreIncludedByTheirPathFromSrc) {
  dir_.write("src/high/other.cpp", "#include \"detail_part.h\"\n");
  expect_refused("src/high/other.cpp:1: a private header is included by its path from src");
  dir_.write("src/high/other.cpp", "#include \"parts/detail_part.h\"\n");
  expect_refused("src/high/other.cpp:1: a private header is included by its path from src");
}

TEST_F(Layers, PrivateHeadersStayInTheirAreaAndAreCalledDetail) {
  dir_.write("src/low/detail_secret.h", "");
  dir_.write("src/high/other.cpp", "#include \"low/detail_secret.h\"\n");
  expect_refused("src/high/other.cpp:1: a private header of another area: low/detail_secret.h");
  dir_.write("src/high/other.cpp", "");
  dir_.write("src/high/part.h", "#pragma once\n");
  expect_refused("src/high/part.h:1: a private header is called detail_….h");
}

TEST_F(Layers, OtherLibrariesStayBehindTheHeaders) {
  dir_.write("include/fsc/low/picture.h", "#include <opencv2/core.hpp>\n");
  expect_refused("include/fsc/low/picture.h:1: third-party type in a public header: opencv2/core.hpp");
}

TEST_F(Layers, AnAreaNamesOnlyThoseBeforeIt) {
  dir_.write("CMakeLists.txt", "fsc_area(high DEPS low)\nfsc_area(low)\n");
  const auto ended = check();
  EXPECT_NE(ended.code, 0);
  EXPECT_NE(ended.output.find("CMakeLists.txt:1: area high names low, which does not stand before it"), std::string::npos)
      << ended.output;
}

TEST(Docs, NamesThatStandForNothingAreNamed) {
  const TempDir dir;
  dir.write("src/low/low.cpp", "int twice(int x) { return 2 * x; }\n");
  dir.write("tests/low/low_test.cpp", "TEST(Low, Doubles) {}\n");
  dir.write(
      "docs/right.md",
      "`src/low/low.cpp:twice` is held by `Low.Doubles`, `Low.*`; `src/{low,low}/*.cpp`\n[code](../src/low/low.cpp) `run.sh`\n");
  const auto check = [&] { return shell(FSC_SOURCE_DIR "/scripts/check_docs .", dir.path()); };
  const auto right = check();
  EXPECT_EQ(right.code, 0) << right.output;
  EXPECT_EQ(right.output, "check_docs: 6 names in order\n");

  dir.write("docs/wrong.md", "`Low.Trebles`\n`High.Doubles`\n`src/low/high.cpp`\n`src/low/low.cpp:thrice`\n[gone](gone.md)\n");
  const auto wrong = check();
  EXPECT_EQ(wrong.code, 1);
  for (const char* complaint :
       {"docs/wrong.md:1: Low.Trebles: there is no such test\n",
        "docs/wrong.md:2: High.Doubles: there is no such suite of tests\n",
        "docs/wrong.md:3: src/low/high.cpp: there is no such file\n",
        "docs/wrong.md:4: src/low/low.cpp:thrice: src/low/low.cpp has no thrice\n",
        "docs/wrong.md:5: gone.md: there is no such file\n", "check_docs: 5 names that stand for nothing\n"})
    EXPECT_NE(wrong.output.find(complaint), std::string::npos) << complaint << wrong.output;
}

TEST(Docs, PackagesAreTheSameEverywhere) {
  const TempDir dir;
  dir.write("third_party/packages.tsv", "# what\tapt\tdnf\tconda\nA\tliba-one-dev liba-two-dev\ta-devel\ta\nW\tw-base\tw\t-\n");
  dir.write("docs/dependencies.md", "| A | `liba-{one,two}-dev` |\n| W | `w-base` |\n");
  dir.write("environment.yml", "channels:\n  - conda-forge\ndependencies:\n  - a >=1.2\n");
  const auto check = [&] { return shell(FSC_SOURCE_DIR "/scripts/check_docs .", dir.path()); };
  const auto right = check();
  EXPECT_EQ(right.code, 0) << right.output;
  dir.write("docs/dependencies.md", "| A | `liba-one-dev` |\n| W | `w-base` |\n");
  dir.write("environment.yml", "dependencies:\n  - b\n");
  const auto wrong = check();
  EXPECT_EQ(wrong.code, 1);
  for (const char* complaint : {"docs/dependencies.md: liba-two-dev:", "environment.yml: a:", "environment.yml: b:"})
    EXPECT_NE(wrong.output.find(complaint), std::string::npos) << complaint << wrong.output;
}

}  // namespace
}  // namespace fsc
