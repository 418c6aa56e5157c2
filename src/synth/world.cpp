// Draws the parts of the world, each from its own random streams, and writes them into one folder at once.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/core/parallel.h"
#include "fsc/synth/synth.h"
#include "synth/detail_render.h"
#include "synth/detail_rows.h"

namespace fsc {
namespace fs = std::filesystem;
using nlohmann::ordered_json;
using namespace synth;
namespace {

constexpr int kFormat = 1;  // raised when the same config comes to mean other bytes
constexpr int64_t kSheetPictures = 12;
constexpr double kTrainAlone = 0.4, kTrainPair = 0.4, kTestPair = 0.65;  // shares of scenes; the rest has three things

/// Epoch slots of the random streams; HeldOut has slot 3.
enum Slot : uint64_t { kTrainSlot = 0, kTestSlot = 1, kZeroShotSlot = 2, kRetrievalSlot = 4, kItemSlot = 8, kPixelSlot = 16 };

struct Shot {
  Scene scene;
  std::string file;  ///< relative to the world's folder
};

ordered_json identity_of(const SynthConfig& c) {
  return {{"format", kFormat},
          {"seed", c.seed},
          {"train", c.train},
          {"size", c.size},
          {"test_scenes", c.test_scenes},
          {"items", c.items},
          {"zeroshot_per_class", c.zeroshot_per_class}};
}

std::string numbered(const std::string& folder, int64_t index) {
  const std::string digits = std::to_string(index);
  return folder + "/" + std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits + ".jpg";
}

ordered_json combination_json(const Combination& c) {
  return {{"object", name_of(c.shape)}, {"attribute", name_of(c.colour)}, {"relation", name_of(c.relation)}};
}

std::vector<Combination> all_combinations() {
  std::vector<Combination> all;
  for (size_t i = 0; i < kShapes * kColours * kRelations; ++i)
    all.push_back({static_cast<Shape>(i / (kColours * kRelations)), static_cast<Colour>(i / kRelations % kColours),
                   static_cast<Relation>(i % kRelations)});
  return all;
}

/// What a test scene states, the same from either side, so that no two test scenes have one caption.
using Signature = std::array<int, 5>;
Signature signature_of(const Scene& scene) {
  const auto from = [](const Thing& a, Relation relation, const Thing& b) {
    return Signature{static_cast<int>(a.shape), static_cast<int>(a.colour), static_cast<int>(relation), static_cast<int>(b.shape),
                     static_cast<int>(b.colour)};
  };
  const Thing &a = scene.things[0], &b = scene.things[1];
  return std::min(from(a, scene.relation, b), from(b, inverse(scene.relation), a));
}

class World {
 public:
  World(const SynthConfig& config, const fs::path& root) : config_(config), root_(root), held_out_(config.seed) {}

  SynthSummary make() {
    make_train();
    make_test();
    make_sugarcrepe();
    make_retrieval();
    make_zeroshot();
    write_description();
    return summary_;
  }

 private:
  void make_train();
  void make_test();
  void make_sugarcrepe();
  void make_retrieval();
  void make_zeroshot();
  void write_description();

  Rng stream(uint64_t slot, int64_t index) const {
    return Rng::of(config_.seed, slot, static_cast<uint64_t>(index), Stream::kSynth);
  }

  cv::Mat shoot(const Shot& shot, Slot slot, int64_t index) const {
    Rng rng = stream(kPixelSlot + slot, index);
    cv::Mat picture = render(shot.scene, static_cast<int>(config_.size), rng);
    write_image(root_ / shot.file, picture);
    return picture;
  }

  void shoot_all(const std::vector<Shot>& shots, Slot slot) const {
    for_each_index(static_cast<int64_t>(shots.size()), config_.threads,
                   [&](int64_t i) { shoot(shots[static_cast<size_t>(i)], slot, i); });
  }

  const SynthConfig& config_;
  const fs::path root_;
  const HeldOut held_out_;
  std::vector<Shot> train_, test_, zeroshot_;
  SynthSummary summary_;
};

void World::make_train() {
  make_directories(root_ / "images/train");
  const auto n = static_cast<size_t>(config_.train);
  train_.resize(n);
  std::vector<TrainRow> rows(n);
  std::vector<std::pair<cv::Mat, std::string>> sheet(static_cast<size_t>(std::min(config_.train, kSheetPictures)));
  for_each_index(config_.train, config_.threads, [&](int64_t index) {
    const auto i = static_cast<size_t>(index);
    Rng rng = stream(kTrainSlot, index);
    const double u = rng.uniform();
    const int things = u < kTrainAlone ? 1 : u < kTrainAlone + kTrainPair ? 2 : 3;
    train_[i] = {draw_scene(held_out_, Split::kTrain, things, rng), numbered("images/train", index)};
    rows[i] = training_row(train_[i].scene, held_out_, rng);
    cv::Mat picture = shoot(train_[i], kTrainSlot, index);
    if (i < sheet.size()) sheet[i] = {picture, rows[i].caption};
  });
  std::string table = "title\tfilepath\tneg_caption\n";
  for (size_t i = 0; i < n; ++i) table += rows[i].caption + "\t" + train_[i].file + "\t" + python_list(rows[i].negatives) + "\n";
  write_file_atomic(root_ / "train.tsv", table);
  write_image(root_ / "examples.png", contact_sheet(sheet));
  summary_.train_images = config_.train;
}

void World::make_test() {
  make_directories(root_ / "images/test");
  std::set<Signature> seen;
  for (int64_t i = 0; i < config_.test_scenes; ++i) {
    Rng rng = stream(kTestSlot, i);
    Scene scene;
    do scene = draw_scene(held_out_, Split::kTest, rng.chance(kTestPair) ? 2 : 3, rng);
    while (!seen.insert(signature_of(scene)).second);
    test_.push_back({std::move(scene), numbered("images/test", i)});
  }
  shoot_all(test_, kTestSlot);
  summary_.test_images = config_.test_scenes;
}

void World::make_sugarcrepe() {
  make_directories(root_ / "sugarcrepe");
  for (size_t e = 0; e < kEdits; ++e) {
    const Edit edit = static_cast<Edit>(e);
    ordered_json items = ordered_json::object();
    for (int64_t i = 0; i < config_.items; ++i) {
      const Shot& shot = test_[static_cast<size_t>(i) % test_.size()];
      Rng rng = stream(kItemSlot + e, i);
      const TestItem item = test_item(shot.scene, edit, held_out_, rng);
      items[std::to_string(i)] = {
          {"filename", fs::path(shot.file).filename().string()}, {"caption", item.caption}, {"negative_caption", item.negative}};
    }
    write_file_atomic(root_ / "sugarcrepe" / (std::string(name_of(edit)) + ".json"), items.dump(4) + "\n");
    summary_.sugarcrepe_items += config_.items;
  }
}

void World::make_retrieval() {
  std::string table = "title\tfilepath\n";
  for (size_t i = 0; i < test_.size(); ++i) {
    Rng rng = stream(kRetrievalSlot, static_cast<int64_t>(i));
    const std::string first = test_caption(test_[i].scene, rng);
    std::string second;
    do second = test_caption(test_[i].scene, rng);
    while (second == first);
    table += first + "\t" + test_[i].file + "\n" + second + "\t" + test_[i].file + "\n";
  }
  write_file_atomic(root_ / "retrieval.tsv", table);
}

void World::make_zeroshot() {
  std::map<std::string, Combination> classes;  // by folder name, whose order gives the labels
  for (const Combination& c : all_combinations())
    if (c.relation == Relation::kAlone && held_out_.contains(c))
      classes.emplace(std::string(name_of(c.colour)) + "_" + name_of(c.shape), c);
  std::string names;
  for (const auto& [folder, c] : classes) {
    make_directories(root_ / "zeroshot" / folder);
    names += std::string(name_of(c.colour)) + " " + name_of(c.shape) + "\n";
    for (int64_t i = 0; i < config_.zeroshot_per_class; ++i) {
      Rng rng = stream(kZeroShotSlot, static_cast<int64_t>(zeroshot_.size()));
      zeroshot_.push_back({draw_alone(c.shape, c.colour, rng), numbered("zeroshot/" + folder, i)});
    }
  }
  shoot_all(zeroshot_, kZeroShotSlot);
  write_file_atomic(root_ / "zeroshot/classnames.txt", names);
  write_file_atomic(root_ / "zeroshot/templates.txt", "a {}\na picture of a {}\none {}\nthere is a {}\nthe {}\n");
  summary_.zeroshot_classes = static_cast<int64_t>(classes.size());
  summary_.zeroshot_images = static_cast<int64_t>(zeroshot_.size());
}

/// world.json: enough to check by eye or by program that the splits are disjoint.
void World::write_description() {
  std::map<std::tuple<Shape, Colour, Relation>, std::pair<int64_t, int64_t>> shown;  // scenes of training, of the tests
  const auto count = [&](const std::vector<Shot>& shots, auto member) {
    for (const Shot& shot : shots)
      for (const Combination& c : combinations_of(shot.scene)) ++(shown[{c.shape, c.colour, c.relation}].*member);
  };
  using Counts = std::pair<int64_t, int64_t>;
  count(train_, &Counts::first);
  count(test_, &Counts::second);
  count(zeroshot_, &Counts::second);

  ordered_json combinations = ordered_json::array(), scenes = ordered_json::array();
  for (const Combination& c : all_combinations()) {
    ordered_json entry = combination_json(c);
    const bool held_out = held_out_.contains(c);
    summary_.held_out += held_out;
    const auto& [train, test] = shown[{c.shape, c.colour, c.relation}];
    entry.update({{"held_out", held_out}, {"train_scenes", train}, {"test_scenes", test}});
    combinations.push_back(std::move(entry));
  }
  for (const auto* shots : {&test_, &zeroshot_})
    for (const Shot& shot : *shots) {
      ordered_json things = ordered_json::array();
      for (const Thing& t : shot.scene.things)
        things.push_back({{"object", name_of(t.shape)}, {"attribute", name_of(t.colour)}, {"size", name_of(t.size)}});
      scenes.push_back({{"id", shot.file}, {"relation", name_of(shot.scene.relation)}, {"things", std::move(things)}});
    }
  const ordered_json counts = {{"train_images", summary_.train_images},         {"test_images", summary_.test_images},
                               {"zeroshot_classes", summary_.zeroshot_classes}, {"zeroshot_images", summary_.zeroshot_images},
                               {"sugarcrepe_items", summary_.sugarcrepe_items}, {"held_out_combinations", summary_.held_out}};
  const ordered_json world = {{"config", identity_of(config_)},
                              {"counts", counts},
                              {"train_scenes", {{"first", train_.front().file}, {"last", train_.back().file}}},
                              {"combinations", std::move(combinations)},
                              {"test_scenes", std::move(scenes)}};
  write_file_atomic(root_ / "world.json", world.dump(1) + "\n");
}

void check_range(const char* name, int64_t value, int64_t low, int64_t high) {
  if (value < low || value > high)
    throw UsageError("synth: " + std::string(name) + " is " + std::to_string(value) + ", expected " + std::to_string(low) +
                     " to " + std::to_string(high));
}

void check(const SynthConfig& c) {
  check_range("train", c.train, 1, 10'000'000);
  check_range("size", c.size, 32, 1024);
  check_range("test_scenes", c.test_scenes, 1, 250);  // some 600 different statements are held out
  check_range("items", c.items, 1, c.test_scenes);
  check_range("zeroshot_per_class", c.zeroshot_per_class, 1, 100'000);
}

/// The folder's own name even for "dir/" or "a/..", so that a sibling can be renamed to it.
fs::path resolved(const fs::path& out) {
  std::error_code error;
  if (out.empty()) throw UsageError("synth: the output folder has no name; give one with --out");
  fs::path path = fs::weakly_canonical(fs::absolute(out), error);
  if (error) path = fs::absolute(out).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

/// True when `out` holds the world of `config`; Error when it holds anything else.
bool holds_this_world(const fs::path& out, const SynthConfig& config) {
  std::error_code error;
  const fs::file_status status = fs::status(out, error);
  if (!fs::exists(status)) return false;
  if (!fs::is_directory(status)) throw Error("cannot make a world at " + out.string() + ": it is a file; choose another --out");
  const bool empty = fs::is_empty(out, error);
  if (error) throw_io_error(out, "read the folder", error.value());
  if (empty) return false;
  const std::string hint = "; choose another --out or remove the folder";
  if (!fs::is_regular_file(out / "world.json", error)) throw Error(out.string() + " is not empty and holds no world" + hint);
  const ordered_json world = ordered_json::parse(read_file(out / "world.json"), nullptr, false);
  if (!world.is_object() || !world.contains("config")) throw Error(out.string() + "/world.json is damaged" + hint);
  if (world["config"] != identity_of(config))
    throw Error(out.string() + " holds another world, " + world["config"].dump() + ", asked for " + identity_of(config).dump() +
                hint);
  return true;
}

SynthSummary summary_in(const fs::path& out) {
  const ordered_json world = ordered_json::parse(read_file(out / "world.json"), nullptr, false);
  SynthSummary s;
  s.already_there = true;
  const auto count = [&](const char* name) {
    const auto counts = world.find("counts");
    const bool known = counts != world.end() && counts->contains(name) && (*counts)[name].is_number_integer();
    if (!known) throw Error(out.string() + "/world.json is damaged; choose another --out or remove the folder");
    return (*counts)[name].get<int64_t>();
  };
  s.train_images = count("train_images");
  s.test_images = count("test_images");
  s.zeroshot_classes = count("zeroshot_classes");
  s.zeroshot_images = count("zeroshot_images");
  s.sugarcrepe_items = count("sugarcrepe_items");
  s.held_out = count("held_out_combinations");
  return s;
}

/// write_directory_atomic for thousands of small files: one syncfs, where a sync of each would cost more than drawing them.
/// `folder` is absent or empty, which rename allows.
template <class Fill>
void publish(const fs::path& folder, const Fill& fill) {
  const fs::path temporary = folder.parent_path() / ("." + folder.filename().string() + ".tmp" + std::to_string(::getpid()));
  std::error_code ignored;
  fs::remove_all(temporary, ignored);
  try {
    make_directories(temporary);
    fill(temporary);
    const int fd = ::open(temporary.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && ::syncfs(fd) == 0;
    const int error_number = errno;
    if (fd >= 0) ::close(fd);
    if (!synced) throw_io_error(temporary, "sync", error_number);
    if (::rename(temporary.c_str(), folder.c_str()) != 0) throw_io_error(folder, "write", errno);
    sync_path(folder.parent_path());
  } catch (...) {
    fs::remove_all(temporary, ignored);
    throw;
  }
}

}  // namespace

SynthSummary make_world(const SynthConfig& config, const fs::path& out) {
  check(config);
  const fs::path folder = resolved(out);
  if (holds_this_world(folder, config)) return summary_in(folder);
  SynthSummary summary;
  publish(folder, [&](const fs::path& temporary) { summary = World(config, temporary).make(); });
  return summary;
}

}  // namespace fsc
