// The folder on disk: same seed, same bytes; formats; and the split of train and test, derived again from the files alone.
#include "fsc/synth/synth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <set>
#include <sstream>
#include <tuple>

#include "fsc/core/error.h"
#include "support/golden.h"
#include "support/temp_dir.h"
#include "synth/parse_caption.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;
using synth::Relation;
using synth::Statement;

using Combination = std::tuple<std::string, std::string, std::string>;  // object, attribute, relation

SynthConfig small() {
  SynthConfig config;
  config.seed = 7;
  config.train = 150;
  config.size = 32;
  config.test_scenes = 60;
  config.items = 40;
  config.zeroshot_per_class = 2;
  return config;
}

std::map<std::string, std::string> bytes_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files[fs::relative(entry.path(), folder).string()] = test::read_all(entry.path());
  return files;
}

std::vector<std::vector<std::string>> rows_of(const fs::path& table) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(test::read_all(table));
  for (std::string line; std::getline(lines, line);) {
    rows.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, '\t');) rows.back().push_back(cell);
  }
  return rows;
}

std::vector<std::string> lines_of(const fs::path& file) {
  std::vector<std::string> lines;
  std::istringstream text(test::read_all(file));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

/// The strings of "['...', '...']".
std::vector<std::string> listed(const std::string& cell) {
  std::vector<std::string> texts;
  EXPECT_EQ(cell.front(), '[');
  EXPECT_EQ(cell.back(), ']');
  for (size_t at = cell.find('\''); at != std::string::npos; at = cell.find('\'', at + 1)) {
    const size_t end = cell.find('\'', at + 1);
    texts.push_back(cell.substr(at + 1, end - at - 1));
    at = end;
  }
  return texts;
}

std::vector<Combination> named_by(const Statement& s) {
  std::vector<Combination> named;
  for (size_t i = 0; i < s.mentions.size(); ++i) {
    const Relation relation = i == 0 ? s.relation : i == 1 ? synth::inverse(s.relation) : Relation::kWith;
    named.emplace_back(synth::name_of(s.mentions[i].shape), synth::name_of(s.mentions[i].colour), synth::name_of(relation));
  }
  return named;
}

/// What world.json says of one test scene.
struct Shown {
  std::vector<synth::Mention> things;
  Relation relation;
};

/// A caption against a scene of which the relation of the first two things is known and no other one.
bool shows(const Shown& scene, const Statement& s) {
  std::vector<size_t> found;
  for (const auto& mention : s.mentions)
    for (size_t i = 0; i < scene.things.size(); ++i) {
      const auto& thing = scene.things[i];
      if (thing.shape == mention.shape && thing.colour == mention.colour && (!mention.size || mention.size == thing.size))
        found.push_back(i);
    }
  if (found.size() != s.mentions.size()) return false;
  if (found.size() < 2 || !synth::is_spatial(s.relation)) return true;
  EXPECT_LT(found[0] + found[1], 2U) << "a caption relates the bystander";
  return s.relation == (found[0] == 0 ? scene.relation : synth::inverse(scene.relation));
}

/// One small world for all tests that only look.
class World : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new test::TempDir;
    summary_ = new SynthSummary(make_world(small(), root()));
    world_ = new json(json::parse(test::read_all(root() / "world.json")));
    for (const auto& c : (*world_)["combinations"]) {
      const Combination combination{c["object"], c["attribute"], c["relation"]};
      (c["held_out"].get<bool>() ? held_out_ : free_)->insert(combination);
    }
    for (const auto& scene : (*world_)["test_scenes"]) {
      Shown& shown = (*scenes_)[scene["id"]];
      shown.relation = test::relation_called(scene["relation"]);
      for (const auto& t : scene["things"])
        shown.things.push_back(
            {test::shape_called(t["object"]), test::colour_called(t["attribute"]), test::size_called(t["size"])});
    }
  }
  static void TearDownTestSuite() {
    delete dir_;
    delete summary_;
    delete world_;
  }

  static fs::path root() { return *dir_ / "world"; }
  static void expect_picture(const fs::path& path, int size) {
    const cv::Mat image = cv::imread(path.string(), cv::IMREAD_UNCHANGED);
    ASSERT_FALSE(image.empty()) << path;
    EXPECT_EQ(image.size(), cv::Size(size, size)) << path;
    EXPECT_EQ(image.channels(), 3) << path;
  }

  inline static test::TempDir* dir_ = nullptr;
  inline static SynthSummary* summary_ = nullptr;
  inline static json* world_ = nullptr;
  inline static auto* held_out_ = new std::set<Combination>;
  inline static auto* free_ = new std::set<Combination>;
  inline static auto* scenes_ = new std::map<std::string, Shown>;
};

TEST_F(World, HoldsWhatItsHeaderPromises) {
  std::set<std::string> entries;
  for (const auto& entry : fs::directory_iterator(root())) entries.insert(entry.path().filename().string());
  EXPECT_EQ(entries, (std::set<std::string>{"examples.png", "images", "retrieval.tsv", "sugarcrepe", "train.tsv", "world.json",
                                            "zeroshot"}));
  EXPECT_FALSE(summary_->already_there);
  EXPECT_EQ(summary_->train_images, 150);
  EXPECT_EQ(summary_->test_images, 60);
  EXPECT_EQ(summary_->sugarcrepe_items, 7 * 40);
  EXPECT_EQ(summary_->zeroshot_images, 2 * summary_->zeroshot_classes);
  EXPECT_EQ(summary_->held_out, static_cast<int64_t>(held_out_->size()));
  EXPECT_EQ(held_out_->size() + free_->size(), synth::kShapes * synth::kColours * synth::kRelations);
  const cv::Mat sheet = cv::imread((root() / "examples.png").string());
  EXPECT_GT(sheet.cols, 800);
  EXPECT_GT(sheet.rows, 800);
}

TEST_F(World, TrainingTableIsInNegClipsFormat) {
  const auto rows = rows_of(root() / "train.tsv");
  ASSERT_EQ(rows.size(), 151U);
  EXPECT_EQ(rows[0], (std::vector<std::string>{"title", "filepath", "neg_caption"}));
  std::set<std::string> pictures;
  for (size_t i = 1; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].size(), 3U);
    pictures.insert(rows[i][1]);
    expect_picture(root() / rows[i][1], 32);
    const auto negatives = listed(rows[i][2]);
    EXPECT_GE(negatives.size(), 2U);
    EXPECT_LE(negatives.size(), 4U);
    EXPECT_EQ(std::count(negatives.begin(), negatives.end(), rows[i][0]), 0);
  }
  EXPECT_EQ(pictures.size(), 150U);
}

TEST_F(World, TrainingNamesNothingThatIsHeldOut) {
  const auto rows = rows_of(root() / "train.tsv");
  for (size_t i = 1; i < rows.size(); ++i) {
    std::vector<std::string> texts = listed(rows[i][2]);
    texts.push_back(rows[i][0]);
    for (const auto& text : texts)
      for (const auto& combination : named_by(test::parse_caption(text))) EXPECT_EQ(held_out_->count(combination), 0U) << text;
  }
}

TEST_F(World, TrainAndTestShareNoCombination) {
  int train = 0, test = 0;
  for (const auto& c : (*world_)["combinations"]) {
    train += c["train_scenes"].get<int>();
    test += c["test_scenes"].get<int>();
    EXPECT_EQ(c[c["held_out"].get<bool>() ? "train_scenes" : "test_scenes"], 0) << c;
  }
  EXPECT_GE(train, 150);
  int shown = 0;
  for (const auto& [id, scene] : *scenes_) {
    for (size_t i = 0; i < scene.things.size(); ++i, ++shown) {
      const Relation relation = i == 0 ? scene.relation : i == 1 ? synth::inverse(scene.relation) : Relation::kWith;
      const Combination combination{synth::name_of(scene.things[i].shape), synth::name_of(scene.things[i].colour),
                                    synth::name_of(relation)};
      EXPECT_EQ(held_out_->count(combination), 1U) << id;
    }
  }
  EXPECT_EQ(test, shown);
  EXPECT_EQ(scenes_->size(), static_cast<size_t>(summary_->test_images + summary_->zeroshot_images));
}

TEST_F(World, NoPictureOfTheTestsIsOneOfTraining) {
  std::set<std::string> train;
  for (const auto& entry : fs::directory_iterator(root() / "images/train")) train.insert(test::read_all(entry.path()));
  EXPECT_EQ(train.size(), 150U);
  size_t tests = 0;
  for (const auto& [id, scene] : *scenes_) {
    EXPECT_EQ(train.count(test::read_all(root() / id)), 0U) << id;
    ++tests;
  }
  EXPECT_EQ(tests, scenes_->size());
}

TEST_F(World, SugarCrepeFilesHaveItsShapeTrueCaptionsAndFalseOnes) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(root() / "sugarcrepe")) names.insert(entry.path().filename().string());
  EXPECT_EQ(names, (std::set<std::string>{"add_att.json", "add_obj.json", "replace_att.json", "replace_obj.json",
                                          "replace_rel.json", "swap_att.json", "swap_obj.json"}));
  for (const auto& name : names) {
    const auto items = json::parse(test::read_all(root() / "sugarcrepe" / name));
    ASSERT_TRUE(items.is_object());
    ASSERT_EQ(items.size(), 40U);
    for (size_t i = 0; i < items.size(); ++i) {
      const auto& item = items.at(std::to_string(i));
      ASSERT_EQ(item.size(), 3U);
      const std::string file = item.at("filename"), caption = item.at("caption"), negative = item.at("negative_caption");
      const Shown& scene = scenes_->at("images/test/" + file);
      EXPECT_TRUE(shows(scene, test::parse_caption(caption))) << name << ": " << caption;
      EXPECT_FALSE(shows(scene, test::parse_caption(negative))) << name << ": " << negative;
      for (const auto& combination : named_by(test::parse_caption(caption)))
        EXPECT_EQ(held_out_->count(combination), 1U) << caption;
    }
  }
}

TEST_F(World, EachSugarCrepeFileHasItsKindOfEdit) {
  for (const std::string name : {"add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj"}) {
    const auto items = json::parse(test::read_all(root() / "sugarcrepe" / (name + ".json")));
    for (const auto& item : items) {
      const Statement a = test::parse_caption(item["caption"]), b = test::parse_caption(item["negative_caption"]);
      ASSERT_EQ(b.mentions.size(), a.mentions.size() + (name == "add_obj")) << item;
      EXPECT_EQ(a.relation != b.relation, name == "replace_rel") << item;
      int shapes = 0, colours = 0, sizes = 0;
      for (size_t i = 0; i < a.mentions.size(); ++i) {
        shapes += a.mentions[i].shape != b.mentions[i].shape;
        colours += a.mentions[i].colour != b.mentions[i].colour;
        sizes += a.mentions[i].size != b.mentions[i].size;
      }
      if (name == "add_att") {
        EXPECT_EQ(std::tuple(shapes, colours, sizes), std::tuple(0, 0, 1)) << item;
      }
      if (name == "add_obj" || name == "replace_rel") {
        EXPECT_EQ(std::tuple(shapes, colours, sizes), std::tuple(0, 0, 0)) << item;
      }
      if (name == "replace_att") {
        EXPECT_EQ(std::tuple(shapes, colours + sizes), std::tuple(0, 1)) << item;
      }
      if (name == "replace_obj") {
        EXPECT_EQ(std::tuple(shapes, colours, sizes), std::tuple(1, 0, 0)) << item;
      }
      if (name == "swap_att") {
        EXPECT_EQ(std::tuple(shapes, colours, sizes), std::tuple(0, 2, 0)) << item;
      }
      if (name == "swap_obj") {
        EXPECT_EQ(a.mentions[0], b.mentions[1]) << item;
        EXPECT_EQ(a.mentions[1], b.mentions[0]) << item;
      }
    }
  }
}

TEST_F(World, RetrievalHasTwoTrueCaptionsAPictureAndNoneFitsAnother) {
  const auto rows = rows_of(root() / "retrieval.tsv");
  ASSERT_EQ(rows.size(), 1U + 2 * 60);
  EXPECT_EQ(rows[0], (std::vector<std::string>{"title", "filepath"}));
  std::map<std::string, std::set<std::string>> captions;
  for (size_t i = 1; i < rows.size(); ++i) {
    captions[rows[i][1]].insert(rows[i][0]);
    const Statement said = test::parse_caption(rows[i][0]);
    for (const auto& [id, scene] : *scenes_) {
      EXPECT_EQ(shows(scene, said), id == rows[i][1]) << rows[i][0] << " | " << id;
    }
  }
  EXPECT_EQ(captions.size(), 60U);
  for (const auto& [file, texts] : captions) {
    EXPECT_EQ(texts.size(), 2U) << file;
    expect_picture(root() / file, 32);
  }
}

TEST_F(World, ZeroShotLabelsAreRanksOfFolderNames) {
  const auto names = lines_of(root() / "zeroshot/classnames.txt"), templates = lines_of(root() / "zeroshot/templates.txt");
  std::set<std::string> folders;
  for (const auto& entry : fs::directory_iterator(root() / "zeroshot"))
    if (entry.is_directory()) folders.insert(entry.path().filename().string());
  ASSERT_EQ(static_cast<int64_t>(folders.size()), summary_->zeroshot_classes);
  EXPECT_GE(folders.size(), 10U);
  ASSERT_EQ(names.size(), folders.size());
  auto name = names.begin();
  for (const auto& folder : folders) {
    EXPECT_EQ(folder, std::string(*name).replace(name->find(' '), 1, "_"));
    const Statement said = test::parse_caption(*name++);
    int pictures = 0;
    for (const auto& entry : fs::directory_iterator(root() / "zeroshot" / folder)) {
      expect_picture(entry.path(), 32);
      EXPECT_TRUE(shows(scenes_->at(fs::relative(entry.path(), root()).string()), said));
      ++pictures;
    }
    EXPECT_EQ(pictures, 2);
  }
  EXPECT_GE(templates.size(), 3U);
  for (const auto& line : templates) EXPECT_NE(line.find("{}"), std::string::npos) << line;
}

TEST(MakeWorld, SameSeedSameBytesOnAnyNumberOfThreads) {
  test::TempDir dir;
  SynthConfig config = small();
  std::map<std::string, std::string> first;
  for (const int threads : {1, 2, 5}) {
    config.threads = threads;
    const fs::path out = dir / std::to_string(threads);
    make_world(config, out);
    const auto bytes = bytes_of(out);
    if (first.empty()) first = bytes;
    EXPECT_EQ(first.size(), bytes.size());
    for (const auto& [name, content] : bytes) EXPECT_TRUE(first.at(name) == content) << name << ", " << threads << " threads";
  }
  EXPECT_GT(first.size(), 200U);
}

TEST(MakeWorld, AnotherSeedIsAnotherWorld) {
  test::TempDir dir;
  SynthConfig config = small();
  make_world(config, dir / "a");
  config.seed = 8;
  make_world(config, dir / "b");
  const auto a = bytes_of(dir / "a"), b = bytes_of(dir / "b");
  for (const std::string name : {"train.tsv", "retrieval.tsv", "examples.png", "sugarcrepe/swap_obj.json",
                                 "zeroshot/classnames.txt", "images/train/000000.jpg"})
    EXPECT_NE(a.at(name), b.at(name)) << name;
}

TEST(MakeWorld, ALargerWorldBeginsWithTheSmallerOneAndHasTheSameTests) {
  test::TempDir dir;
  SynthConfig config = small();
  make_world(config, dir / "a");
  config.train += 25;
  make_world(config, dir / "b");
  const auto a = bytes_of(dir / "a"), b = bytes_of(dir / "b");
  EXPECT_TRUE(b.at("train.tsv").starts_with(a.at("train.tsv")));
  for (const auto& [name, content] : a)
    if (name != "train.tsv" && name != "world.json") {
      EXPECT_TRUE(b.at(name) == content) << name;
    }
}

TEST(MakeWorld, KeepsAWorldThatIsThereAlready) {
  test::TempDir dir;
  const auto first = make_world(small(), dir / "world");
  const auto before = fs::last_write_time(dir / "world/train.tsv");
  const auto again = make_world(small(), (dir / "world").string() + "/");
  EXPECT_TRUE(again.already_there);
  EXPECT_EQ(again.train_images, first.train_images);
  EXPECT_EQ(again.sugarcrepe_items, first.sugarcrepe_items);
  EXPECT_EQ(again.held_out, first.held_out);
  EXPECT_EQ(fs::last_write_time(dir / "world/train.tsv"), before);
}

TEST(MakeWorld, MakesParentsAndTakesAnEmptyFolder) {
  test::TempDir dir;
  fs::create_directories(dir / "empty");
  EXPECT_EQ(make_world(small(), dir / "empty").train_images, 150);
  EXPECT_EQ(make_world(small(), dir / "a/b/c").train_images, 150);
  EXPECT_TRUE(fs::exists(dir / "a/b/c/world.json"));
}

/// The message of the error of type E that make_world ends with.
template <class E>
std::string message(const SynthConfig& config, const fs::path& out) {
  try {
    make_world(config, out);
  } catch (const E& error) {
    return error.what();
  }
  ADD_FAILURE() << "no error, or one of another kind";
  return "";
}

TEST(MakeWorld, RefusesOptionsOutOfRangeByName) {
  test::TempDir dir;
  const auto refused = [&](auto member, int64_t value, const std::string& name) {
    SynthConfig config = small();
    config.*member = value;
    const std::string text = message<UsageError>(config, dir / "world");
    EXPECT_NE(text.find(name), std::string::npos) << text;
    EXPECT_NE(text.find(std::to_string(value)), std::string::npos) << text;
  };
  refused(&SynthConfig::train, 0, "train");
  refused(&SynthConfig::train, -5, "train");
  refused(&SynthConfig::size, 31, "size");
  refused(&SynthConfig::size, 1025, "size");
  refused(&SynthConfig::test_scenes, 251, "test_scenes");
  refused(&SynthConfig::items, 61, "items");
  refused(&SynthConfig::zeroshot_per_class, 0, "zeroshot_per_class");
  EXPECT_NE(message<UsageError>(small(), "").find("--out"), std::string::npos);
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST(MakeWorld, NeverTouchesWhatIsNotItsOwn) {
  test::TempDir dir;
  dir.write("file", "x");
  EXPECT_NE(message<Error>(small(), dir / "file").find("it is a file"), std::string::npos);
  dir.write("full/note.txt", "mine");
  EXPECT_NE(message<Error>(small(), dir / "full").find("not empty"), std::string::npos);
  EXPECT_EQ(test::read_all(dir / "full/note.txt"), "mine");
  EXPECT_NE(message<Error>(small(), dir / "file/world").find("file"), std::string::npos);

  make_world(small(), dir / "world");
  SynthConfig other = small();
  other.seed = 1000;
  EXPECT_NE(message<Error>(other, dir / "world").find("another world"), std::string::npos);
  for (const std::string damage : {"", "{", "[]", R"({"config": 1})"}) {
    dir.write("world/world.json", damage);
    const std::string text = message<Error>(small(), dir / "world");
    EXPECT_TRUE(text.find("damaged") != std::string::npos || text.find("another world") != std::string::npos) << text;
  }
  for (const auto& entry : fs::directory_iterator(dir.path()))
    EXPECT_EQ(entry.path().filename().string().find(".tmp"), std::string::npos) << "left behind: " << entry.path();
}

}  // namespace
}  // namespace fsc
