// YAML into fields: what is read, and what is said about what cannot be.
#include <gtest/gtest.h>

#include <cmath>

#include "sample_config.h"

namespace fsc {
namespace {
using test::Colour;
using test::expect_parts;
using test::expect_problem;
using test::load;
using test::problems_of;

TEST(Reader, ReadsEveryKindOfField) {
  const auto c = load(R"(# a comment
train:
  flag: true
  whole: 1e2          # a whole number in any spelling
  real: -.5
  rate: +1.5e-3
data:
  text: "with: colon, # and \"quotes\""
  choice: two
  words: [replace]
  numbers: [0, 1.5, 2e3]
  images: {coco: /a, vg: b c}
  inner: {path: 007, colour: dark-blue}
  crop: {scale: [0.5, 0.75]}
items:
  - name: first
    images: one/folder
  - {name: second, count: 3, tags: [a, b]}
)");
  EXPECT_TRUE(c.flag);
  EXPECT_EQ(c.whole, 100);
  EXPECT_EQ(c.real, -0.5);
  EXPECT_EQ(c.rate, 1.5e-3);
  EXPECT_EQ(c.text, "with: colon, # and \"quotes\"");
  EXPECT_EQ(c.choice, "two");
  EXPECT_EQ(c.words, std::vector<std::string>{"replace"});
  EXPECT_EQ(c.numbers, (std::vector<double>{0, 1.5, 2000}));
  EXPECT_EQ(c.images, (config::StringMap{{"coco", "/a"}, {"vg", "b c"}}));
  EXPECT_EQ(c.inner.path, "007") << "a text keeps its spelling";
  EXPECT_EQ(c.inner.colour, Colour::kDarkBlue);
  EXPECT_TRUE(c.cropped);
  EXPECT_EQ(c.crop.scale, (std::vector<double>{0.5, 0.75}));
  EXPECT_EQ(c.crop.chance, 0.5);
  ASSERT_EQ(c.items.size(), 2u);
  EXPECT_EQ(c.items[0].images, (config::StringMap{{"", "one/folder"}}));
  EXPECT_EQ(c.items[0].count, 1);
  EXPECT_EQ(c.items[1].name, "second");
  EXPECT_EQ(c.items[1].count, 3);
  EXPECT_EQ(c.items[1].tags, (std::vector<std::string>{"a", "b"}));
}

TEST(Reader, NothingGivenLeavesTheDefaults) {
  for (const char* yaml :
       {"", "\n\n", "# only a comment\n", "---\n", "{}", "train:\n", "train: {}\ndata: ~\n", "\xEF\xBB\xBF", "~"}) {
    const auto c = load(yaml);
    EXPECT_EQ(c.whole, 3) << yaml;
    EXPECT_EQ(c.text, "word") << yaml;
    EXPECT_EQ(c.validated, 1) << yaml;
  }
}

TEST(Reader, OneScalarIsAListOfOne) {
  const auto c = load("data: {words: swap, numbers: 4}");
  EXPECT_EQ(c.words, std::vector<std::string>{"swap"});
  EXPECT_EQ(c.numbers, std::vector<double>{4});
  EXPECT_TRUE(load("data: {words: []}").words.empty());
}

TEST(Reader, NothingEmptiesATextButIsNoNumber) {
  for (const char* nothing : {"", "~", "null", "\"\""}) {
    EXPECT_EQ(load(std::string("data: {text: ") + nothing + "}").text, "");
    expect_problem(std::string("train:\n  whole: ") + nothing, {"c.yaml:2: train.whole: expected whole number"});
  }
  EXPECT_EQ(load("data: {text: 'null'}").text, "null");
  EXPECT_TRUE(load("data: {images: ''}").images.empty());
}

TEST(Reader, WrongTypeOfEachKind) {
  expect_problem("train:\n\n  flag: maybe", {"c.yaml:3: train.flag: expected true or false, got 'maybe'"});
  expect_problem("train: {flag: 1}", {"train.flag: expected true or false, got '1'"});
  expect_problem("train: {whole: many}", {"c.yaml:1: train.whole: expected whole number 0 .. 1000, got 'many'"});
  expect_problem("train: {whole: 2.5}", {"train.whole: expected whole number", "'2.5'"});
  expect_problem("train: {whole: '2'}", {"train.whole: expected whole number", "'2'"});
  expect_problem("train: {whole: [1]}", {"train.whole: expected whole number", "got a list"});
  expect_problem("train: {real: fast}", {"train.real: expected number, got 'fast'"});
  expect_problem("train: {real: 1 2}", {"train.real: expected number, got '1 2'"});
  expect_problem("train: {real: 0x10}", {"train.real: expected number"});
  expect_problem("train: {real: 1_000}", {"train.real: expected number"});
  expect_problem("train: {real: +-5}", {"train.real: expected number"});
  expect_problem("train: {real: 1,5}", {"unknown key", "train.5"});
  expect_problem("train: {real: {a: 1}}", {"train.real: expected number, got a map"});
  expect_problem("data: {text: [a]}", {"data.text: expected text, got a list"});
  expect_problem("data: {text: {a: b}}", {"data.text: expected text, got a map"});
  expect_problem("data: {numbers: [1, two]}", {"data.numbers: expected list of numbers >= 0", "'two'"});
  expect_problem("data: {numbers: [1, [2]]}", {"data.numbers: expected list of numbers"});
  expect_problem("data: {numbers: {a: 1}}", {"data.numbers: expected list of numbers >= 0, got a map"});
  expect_problem("data: {words: [swap, [shuffle]]}", {"data.words: expected list of swap, replace, shuffle"});
  expect_problem("data: {images: [a]}", {"data.images: expected text, or a map of texts, got a list"});
  expect_problem("data: {images: {a: [b]}}", {"data.images: expected text, or a map of texts"});
  expect_problem("data: {inner: 3}", {"data.inner: is a group of keys, got '3'", "{colour: red}"});
  expect_problem("data: [1]", {"data: is a group of keys, got a list"});
  expect_problem("data: {crop: on}", {"data.crop: expected none, or a map, got 'on'"});
  expect_problem("data: {crop: [0.9, 1]}", {"data.crop: expected none, or a map, got a list"});
  expect_problem("items: {name: a}", {"items: expected list of maps, got a map"});
  expect_problem("items:\n  - name: a\n  - b", {"c.yaml:3: items[1]: expected a map, got 'b'"});
}

TEST(Reader, OutOfRange) {
  expect_problem("train: {whole: -1}", {"train.whole: expected whole number 0 .. 1000, got '-1'"});
  expect_problem("train: {whole: 1001}", {"got '1001'"});
  EXPECT_EQ(load("train: {whole: 1000, flag: true}").whole, 1000);
  EXPECT_EQ(load("train: {whole: 0}").whole, 0);
  expect_problem("train: {rate: 0}", {"train.rate: expected number > 0, got '0'"});
  expect_problem("data: {numbers: [1, -1]}", {"data.numbers: expected list of numbers >= 0", "'-1'"});
  expect_problem("data: {crop: {chance: 1}}", {"data.crop.chance: expected number 0 .. 1 (open end excluded), got '1'"});
  expect_problem("items: [{name: a, count: 0}]", {"items[0].count: expected whole number >= 1, got '0'"});
}

TEST(Reader, NumbersThatNoFieldHolds) {
  for (const char* number : {".nan", ".NaN", "nan", ".inf", "-.inf", "inf", "infinity", "1e400", "-1e999"})
    expect_problem(std::string("train: {real: ") + number + "}", {"train.real: expected number", number});
  for (const char* number : {"9223372036854775808", "1e19", "99999999999999999999999", "-9223372036854775809", ".inf"})
    expect_problem(std::string("items: [{count: ") + number + "}]", {"items[0].count: expected whole number", number});
  EXPECT_EQ(load("items: [{count: 9000000000000000}]").items[0].count, 9000000000000000);
}

TEST(Reader, UnknownNameOfAnEnumOrChoice) {
  expect_problem("data: {inner: {colour: gren}}",
                 {"data.inner.colour: expected one of red, green, dark-blue, got 'gren'; did you mean green?"});
  expect_problem("data: {inner: {colour: Red}}", {"got 'Red'; did you mean red?"});
  expect_problem("data: {inner: {colour: [red]}}", {"got a list"});
  expect_problem("data: {inner: {colour: }}", {"expected one of red, green, dark-blue, got nothing"});
  expect_problem("data: {choice: tree}", {"data.choice: expected one of one, two, three, got 'tree'; did you mean three?"});
  expect_problem("data: {words: [swap, suffle]}",
                 {"data.words: expected list of swap, replace, shuffle", "'suffle'; did you mean shuffle?"});
}

TEST(Reader, UnknownKeys) {
  expect_problem("train:\n  whloe: 3", {"c.yaml:2: train.whloe: unknown key; did you mean train.whole?"});
  expect_problem("trian: {whole: 3}", {"c.yaml:1: trian: unknown key; did you mean train?"});
  expect_problem("data: {inner: {paht: x}}", {"data.inner.paht: unknown key; did you mean data.inner.path?"});
  expect_problem("data: {rate: 1e-3}", {"data.rate: unknown key; did you mean train.rate?"});
  expect_problem("rate: 1e-3", {"rate: unknown key; did you mean train.rate?"});
  expect_problem("zzzzzz: 1", {"zzzzzz: unknown key; --help lists all keys"});
  expect_problem("items: [{name: a, cuont: 2}]", {"items[0].cuont: unknown key; did you mean items[0].count?"});
  expect_problem("data: {crop: {scle: 1}}", {"data.crop.scle: unknown key; did you mean data.crop.scale?"});
  expect_problem("? [a, b]\n: 1", {"unknown key"});
  expect_problem("3: 1", {"3: unknown key"});
  expect_problem("'': 1", {"unknown key"});
  expect_problem("base: &b {whole: 4}\n", {"base: unknown key"});
}

TEST(Reader, KeysGivenTwice) {
  expect_problem("train:\n  whole: 3\n  real: 1\n  whole: 4", {"c.yaml:4: train.whole: is given twice"});
  expect_problem("train: {whole: 3}\ndata: {}\ntrain: {real: 4}", {"c.yaml:3: train: is given twice"});
  expect_problem("train.whole: 3\ntrain: {whole: 4}", {"c.yaml:2: train.whole: is given twice"});
  expect_problem("items: [{name: a, name: b}]", {"items[0].name: is given twice"});
  EXPECT_EQ(load("items: [{name: a}, {name: a}]").items.size(), 2u);
}

TEST(Reader, AllProblemsAtOnce) {
  const std::string text = problems_of(
      "train:\n  flag: maybe\n  whole: 2000\n  rat: 1\ndata:\n  inner: {colour: blue, path: ''}\n  words: [swop]\nitems: "
      "[{count: x}]\n",
      {"train.real=fast", "nonsense"});
  expect_parts(text, {"has 9 problems:", "1. ", "c.yaml:2: train.flag", "c.yaml:3: train.whole", "c.yaml:4: train.rat",
                      "c.yaml:6: data.inner.colour", "c.yaml:7: data.words", "c.yaml:8: items[0].count",
                      "--set train.real=fast: train.real", "--set nonsense", "c.yaml:6: data.inner.path: is missing"});
}

TEST(Reader, RulesBetweenValuesComeWithTheRest) {
  expect_problem("train:\n  whole: 6", {"c.yaml:2: train.whole: above 5 needs train.flag"});
  expect_parts(problems_of("train: {whole: 6}", {"train.whole=7"}),
               {"has 1 problem", "--set train.whole=7: train.whole: above 5"});
  expect_parts(problems_of("train: {whole: 6, real: x}"), {"has 2 problems", "train.real", "train.whole: above 5"});
}

TEST(Reader, AMisreadKeyIsNotCalledMissingToo) {
  expect_problem("data: {inner: {path: [a]}}", {"data.inner.path: expected text"});
  const auto no_default = [](const std::string& yaml) { return problems_of(yaml, {"data.inner.path="}); };
  expect_parts(no_default("{}"), {"has 1 problem", "data.inner.path: is missing"});
  expect_parts(no_default("data: {inner: {pth: x}}"), {"has 1 problem", "did you mean data.inner.path?"});
  expect_parts(no_default("data: {innr: {path: x}}"), {"has 1 problem", "did you mean data.inner?"});
}

TEST(Reader, YamlThatDoesNotParse) {
  expect_problem("train:\n  whole: [1, 2\n", {"c.yaml:", "not valid YAML"});
  expect_problem("train:\n  whole: 1\n real: 2\n", {"c.yaml:3", "not valid YAML"});
  expect_problem("train:\n\twhole: 1\n", {"c.yaml:2", "not valid YAML"});
  expect_problem("a: \"open", {"c.yaml:1", "not valid YAML"});
  expect_problem("a: *nowhere", {"c.yaml:1", "not valid YAML"});
  expect_problem("train: {whole: 1}\n}\n", {"c.yaml:2", "not valid YAML"});
  expect_problem("a: b: c", {"c.yaml:1", "not valid YAML"});
  expect_problem("%YAML nonsense\n---\na: 1", {"not valid YAML"});
}

TEST(Reader, OneDocumentOfKeysOnly) {
  expect_problem("train: {whole: 1}\n---\ntrain: {whole: 2}\n", {"c.yaml:3", "second document"});
  expect_problem("- a\n- b\n", {"expected a map of keys at the top level"});
  expect_problem("just a text", {"expected a map of keys at the top level"});
  expect_problem("3", {"expected a map of keys at the top level"});
}

TEST(Reader, FileThatCannotBeRead) {
  const test::TempDir dir;
  test::expect_error([&] { config::load<test::SampleConfig>(dir / "none.yaml", {}); }, ExitCode::kUsage,
                     {"none.yaml", "No such file", "has 1 problem:"});
  test::expect_error([&] { config::load<test::SampleConfig>(dir.path(), {}); }, ExitCode::kUsage, {dir.path(), "folder"});
}

TEST(Reader, AnchorsAndAliases) {
  const auto c =
      load("train: {rate: &r 0.5, real: *r}\ndata: {numbers: &n [1, 2], crop: {scale: [*r, 1]}}\nitems: [&i {name: a}, *i]");
  EXPECT_EQ(c.real, 0.5);
  EXPECT_EQ(c.crop.scale, (std::vector<double>{0.5, 1}));
  ASSERT_EQ(c.items.size(), 2u);
  EXPECT_EQ(c.items[1].name, "a");
  expect_parts(problems_of("train: &t {whole: 1}\ndata: {<<: *t}"), {"data.<<: unknown key"});
}

TEST(Reader, HostileYamlEndsSoonAndCleanly) {
  expect_problem(std::string(100000, '['), {"not valid YAML"});
  std::string nested;
  for (int i = 0; i < 20000; ++i) nested += "{a: ";
  expect_problem(nested, {"not valid YAML"});
  std::string deep;
  for (int i = 0; i < 3000; ++i) deep += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  EXPECT_NE(problems_of(deep), "");
  // A billion laughs: nine levels of nine aliases each.
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 9; ++k) bomb += (k ? ", " : "") + before;
    bomb += "]\n";
  }
  expect_parts(problems_of(bomb + "data: {words: *a9}\nitems: *a9\n"),
               {"a9: unknown key", "data.words: expected list", "items[0]: expected a map"});
  EXPECT_NE(problems_of("train: &t {train: *t}"), "") << "a map that holds itself";
  EXPECT_NE(problems_of("items: &t [*t]"), "");
  EXPECT_NE(problems_of(std::string(1000, '\0')), "");
  expect_problem("train: {\xFF\xFE\xC0: 1}", {"unknown key"});
}

TEST(Reader, StopsAfterAHundredProblems) {
  std::string yaml = "items:\n";
  for (int i = 0; i < 20000; ++i) yaml += "  - {nmae: x, cnt: 1}\n";
  expect_parts(problems_of(yaml), {"has 100 problems:", "100. ", "there may be more"});
  std::string keys;
  for (int i = 0; i < 20000; ++i) keys += "key" + std::to_string(i) + ": 1\n";
  expect_parts(problems_of(keys), {"has 100 problems:"});
}

}  // namespace
}  // namespace fsc
