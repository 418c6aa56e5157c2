// Fields into text: what is written reads back, --help tells everything, and two configs are compared.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "fsc/core/rng.h"
#include "sample_config.h"

namespace fsc {
namespace {
using config::fields_of;
using test::expect_parts;
using test::load;
using test::SampleConfig;

SampleConfig round_trip(SampleConfig c) {
  const std::string text = config::to_yaml(fields_of(c));
  SampleConfig again;
  config::Problems problems;
  config::read_yaml_text(fields_of(again), text, "text", problems);
  EXPECT_TRUE(problems.empty()) << problems.text() << "\n" << text;
  EXPECT_TRUE(config::diff(fields_of(c), fields_of(again)).empty()) << text;
  EXPECT_EQ(config::to_yaml(fields_of(again)), text);
  return again;
}

TEST(Writer, WritesNestedYamlInTheOrderOfTheDeclarations) {
  SampleConfig c;
  EXPECT_EQ(config::to_yaml(fields_of(c)),
            "train:\n  flag: false\n  whole: 3\n  real: 0.25\n  rate: 5.0e-06\n"
            "data:\n  text: word\n  choice: one\n  words: [swap, shuffle]\n  numbers: []\n  images: \"\"\n"
            "  inner:\n    path: a/b.tsv\n    colour: red\n  crop: none\nitems: []\n");
  c.cropped = true;
  expect_parts(config::to_yaml(fields_of(c)), {"  crop:\n    scale: [0.9, 1]\n    chance: 0.5\nitems"});
}

TEST(Writer, EverythingReadsBack) {
  const auto c = load(
      "train: {flag: true, whole: 5, rate: 1e-300}\ndata: {text: 'x: y', numbers: [0.1, 3], images: {a b: c, '': d}, "
      "inner: {colour: dark-blue}, crop: {chance: 0}, words: []}\nitems: [{name: a, images: i, tags: [p, 'q, r']}, {count: 4, "
      "images: {k: v}}]");
  const auto again = round_trip(c);
  EXPECT_EQ(again.images, c.images);
  EXPECT_TRUE(again.words.empty());
  ASSERT_EQ(again.items.size(), 2u);
  EXPECT_EQ(again.items[0].tags, (std::vector<std::string>{"p", "q, r"}));
  EXPECT_EQ(again.items[0].images, (config::StringMap{{"", "i"}}));
  EXPECT_EQ(again.items[1].images, (config::StringMap{{"k", "v"}}));
  EXPECT_TRUE(round_trip(SampleConfig()).images.empty());
}

TEST(Writer, EveryTextReadsBack) {
  const std::vector<std::string> texts = {
      "",     "null",   "Null",   "NULL",     "~",        "true",        "no",   "Off",    "y",    "3",          "-",
      "- a",  "1e5",    ".nan",   " lead",    "trail ",   "a: b",        "a #b", "#a",     "*a",   "&a",         "!a",
      "%a",   "@a",     "`a",     "'single'", "\"",       "\\",          "a\nb", "a\r\nb", "\t",   "[a]",        "{a: b}",
      "a, b", "? a",    "|",      ">",        "a\\nb",    "---",         "...",  "\x01",   "\x7f", "é",          "日本",
      "🐕",    "\u2028", "\u0085", "\uFEFFa",  "/a/b.tsv", "C:\\Data\\x", "a  b", "=",      "<<",   "a\u00A0b",   "-1",
      "0x10", "+1",     "a/",     "/",        "a+b",      "none",        "None", "on",     "0.5",  "2024-01-01", "x'y\"z"};
  for (const auto& text : texts) {
    SampleConfig c;
    c.text = c.inner.path = text;
    c.images = {{"k" + text, text}, {"other", ""}};
    c.items.resize(1);
    c.items[0].tags = {text, "plain", text};
    const auto again = round_trip(c);
    EXPECT_EQ(again.text, text);
    EXPECT_EQ(again.images, c.images) << text;
    EXPECT_EQ(again.items[0].tags, c.items[0].tags) << text;
  }
}

TEST(Writer, EveryNumberReadsBackExactly) {
  using Limits = std::numeric_limits<double>;
  std::vector<double> numbers = {0.1,           1.0 / 3,           5e-6, 1e22,     1e23, 123456789012345678.0, Limits::max(),
                                 Limits::min(), Limits::epsilon(), -0.0, 0.3 - 0.1};
  Rng rng({1});
  while (numbers.size() < 2000) {
    const uint64_t bits = rng.next();
    double number = 0;
    std::memcpy(&number, &bits, sizeof number);
    if (std::isnormal(number)) numbers.push_back(number);
  }
  for (const double number : numbers) {
    SampleConfig c;
    c.real = number;
    c.numbers = {std::abs(number)};
    const auto again = round_trip(c);
    EXPECT_EQ(again.real, number);
    EXPECT_EQ(std::signbit(again.real), std::signbit(number));
    EXPECT_EQ(again.numbers, c.numbers);
  }
  for (const int64_t whole : {int64_t{1}, int64_t{9000000000000000}, int64_t{123456789}}) {
    SampleConfig c;
    c.items.resize(1);
    c.items[0].count = whole;
    EXPECT_EQ(round_trip(c).items[0].count, whole);
  }
}

TEST(Help, ListsEveryKeyWithDefaultRangeAndMeaning) {
  SampleConfig c;
  const std::string help = config::help_text(fields_of(c));
  for (const auto& field : fields_of(c)) {
    expect_parts(help, {field.path + " = " + field.default_text + "\n      " + field.help});
    EXPECT_FALSE(field.help.empty()) << field.path;
  }
  expect_parts(help,
               {"train.whole = 3\n      Steps [whole number 0 .. 1000]", "train.rate = 5.0e-06\n      Learning rate [number > 0]",
                "data.inner.colour = red\n      Its colour [one of red, green, dark-blue]", "[one of one, two, three]",
                "[list of swap, replace, shuffle]", "data.crop = none",
                "data.crop.chance = 0.5\n      Probability [number 0 .. 1 (open end excluded)]",
                "- name = \"\": Name of the item [text]", "- count = 1: How many [whole number >= 1]"});
  EXPECT_TRUE(c.items.empty()) << "showing an element leaves none";
}

TEST(Help, DefaultsAreTheStructsNotTheFiles) {
  auto c = load("train: {whole: 4}");
  auto fields = fields_of(c);
  EXPECT_EQ(fields[1].text(), "4");
  SampleConfig defaults;
  expect_parts(config::help_text(fields_of(defaults)), {"train.whole = 3"});
}

TEST(Diff, NamesEachFieldThatDiffers) {
  auto a = load("items: [{name: a}]"),
       b = load("train: {rate: 1e-5}\ndata: {text: other, words: [swap], inner: {colour: green}}\nitems: [{name: b}]");
  const auto differences = config::diff(fields_of(a), fields_of(b));
  ASSERT_EQ(differences.size(), 5u);
  EXPECT_EQ(differences[0].path, "train.rate");
  EXPECT_EQ(differences[0].before, "5.0e-06");
  EXPECT_EQ(differences[0].after, "1.0e-05");
  EXPECT_EQ(differences[1].path, "data.text");
  EXPECT_EQ(differences[2].path, "data.words");
  EXPECT_EQ(differences[2].before, "[swap, shuffle]");
  EXPECT_EQ(differences[3].path, "data.inner.colour");
  EXPECT_EQ(differences[4].path, "items");
  EXPECT_TRUE(config::diff(fields_of(a), fields_of(a)).empty());
}

TEST(Diff, SwitchedGroups) {
  auto off = load("data: {crop: none}"), on = load("data: {crop: {}}");
  const auto differences = config::diff(fields_of(off), fields_of(on));
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_EQ(differences[0].path, "data.crop");
  EXPECT_EQ(differences[0].before, "none");
  EXPECT_EQ(differences[0].after, "on");
  auto off_again = off;
  off_again.crop.chance = 0.25;
  EXPECT_TRUE(config::diff(fields_of(off), fields_of(off_again)).empty())
      << "keys of a group that is off on both sides do nothing";
  auto on_again = on;
  on_again.crop.chance = 0.25;
  ASSERT_EQ(config::diff(fields_of(on), fields_of(on_again)).size(), 1u);
  EXPECT_EQ(config::diff(fields_of(on), fields_of(on_again))[0].path, "data.crop.chance");
}

}  // namespace
}  // namespace fsc
