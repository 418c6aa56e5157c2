// --set key.path=value over the file.
#include <gtest/gtest.h>

#include "sample_config.h"

namespace fsc {
namespace {
using test::expect_parts;
using test::load;
using test::problems_of;

TEST(Overrides, EveryKindOfValue) {
  const auto c =
      load("train: {whole: 4}\n", {"train.whole=5", "train.flag=true", "train.rate=1e-3", "data.text='a: b'",
                                   "data.inner.path=x=y=z", "data.words=[swap, replace]", "data.numbers=[1, 2.5]",
                                   "data.inner.colour=green", "data.images={coco: /a}", "items=[{name: a, count: 2}]"});
  EXPECT_EQ(c.whole, 5) << "over the file";
  EXPECT_TRUE(c.flag);
  EXPECT_EQ(c.rate, 1e-3);
  EXPECT_EQ(c.text, "a: b");
  EXPECT_EQ(c.inner.path, "x=y=z");
  EXPECT_EQ(c.words, (std::vector<std::string>{"swap", "replace"}));
  EXPECT_EQ(c.numbers, (std::vector<double>{1, 2.5}));
  EXPECT_EQ(c.inner.colour, test::Colour::kGreen);
  EXPECT_EQ(c.images, (config::StringMap{{"coco", "/a"}}));
  ASSERT_EQ(c.items.size(), 1u);
  EXPECT_EQ(c.items[0].count, 2);
}

TEST(Overrides, LaterOnesWin) {
  EXPECT_EQ(load("", {"train.whole=1", "train.whole=2"}).whole, 2);
  EXPECT_EQ(load("", {"train={whole: 1, real: 7}", "train.whole=2"}).real, 7) << "a group sets what it names";
}

TEST(Overrides, EmptyValue) {
  EXPECT_EQ(load("data: {text: x}", {"data.text="}).text, "");
  EXPECT_EQ(load("data: {text: x}", {"data.text=\"\""}).text, "");
  expect_parts(problems_of("", {"train.whole="}), {"--set train.whole=: train.whole: expected whole number", "got nothing"});
}

TEST(Overrides, SwitchedGroup) {
  const std::string on = "data: {crop: {scale: [0.1, 0.2], chance: 0.25}}";
  EXPECT_FALSE(load(on, {"data.crop=none"}).cropped);
  EXPECT_FALSE(load("data: {crop: none}").cropped);
  EXPECT_FALSE(load("data: {crop: ~}").cropped);
  EXPECT_TRUE(load("data: {crop: {}}").cropped);
  const auto key = load("", {"data.crop.chance=0.75"});
  EXPECT_TRUE(key.cropped) << "a key of the group switches it on";
  EXPECT_EQ(key.crop.chance, 0.75);
  EXPECT_EQ(key.crop.scale, (std::vector<double>{0.9, 1.0}));
  const auto map = load(on, {"data.crop={chance: 0}"});
  EXPECT_TRUE(map.cropped);
  EXPECT_EQ(map.crop.chance, 0);
  EXPECT_EQ(map.crop.scale, (std::vector<double>{0.1, 0.2}));
  EXPECT_TRUE(load("", {"data.crop=none", "data.crop.chance=0.75"}).cropped);
  EXPECT_FALSE(load("", {"data.crop.chance=0.75", "data.crop=none"}).cropped);
  EXPECT_FALSE(load("", {"data.text=x"}).cropped);
}

TEST(Overrides, AListReplacesTheFilesList) {
  const auto c = load("items: [{name: a, count: 7, tags: [x]}, {name: b}]", {"items=[{name: c}]"});
  ASSERT_EQ(c.items.size(), 1u);
  EXPECT_EQ(c.items[0].name, "c");
  EXPECT_EQ(c.items[0].count, 1) << "nothing of the element that was there before";
  EXPECT_TRUE(c.items[0].tags.empty());
}

TEST(Overrides, Mistakes) {
  const auto expect = [](const std::string& override, const std::vector<std::string>& parts) {
    const std::string text = problems_of("", {override});
    expect_parts(text, {"has 1 problem", "--set " + override + ": "});
    expect_parts(text, parts);
  };
  expect("nonsense", {"expected key.path=value"});
  expect("=3", {"expected key.path=value"});
  expect("", {"expected key.path=value"});
  expect("train.whloe=3", {"train.whloe: unknown key; did you mean train.whole?"});
  expect("whole=3", {"unknown key; did you mean train.whole?"});
  expect("train.whole =3", {"unknown key; did you mean train.whole?"});
  expect("train.whole=many", {"train.whole: expected whole number 0 .. 1000, got 'many'"});
  expect("train.whole=3 4", {"got '3 4'"});
  expect("train.whole=-3", {"got '-3'"});
  expect("train=3", {"train: is a group of keys"});
  expect("train..whole=3", {"unknown key"});
  expect("data.crop.scle=[1, 1]", {"unknown key; did you mean data.crop.scale?"});
  expect("data.crop=some", {"expected none, or a map, got 'some'"});
  expect("data.words=[swap", {"not valid YAML"});
  expect("data.numbers=[1, 2] 3", {"not valid YAML"});
  expect("data.text=a: b: c", {"not valid YAML"});
  expect("data.text=*a", {"not valid YAML"});
  expect("data.numbers=" + std::string(5000, '['), {"not valid YAML"});
}

}  // namespace
}  // namespace fsc
