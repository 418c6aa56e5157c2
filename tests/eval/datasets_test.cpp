// Readers of benchmark files: the items they make, and every bad input.
#include <gtest/gtest.h>

#include "eval_support.h"
#include "fsc/eval/evaluate.h"

namespace fsc {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::TempDir;

const char* const kFiles[] = {"replace_obj", "replace_att", "replace_rel", "swap_obj", "swap_att", "add_obj", "add_att"};

TaskConfig task(const std::string& name) {
  TaskConfig config;
  config.name = name;
  return config;
}

/// Reads a task's files; the images need not exist.
std::unique_ptr<Task> make(const TaskConfig& config) { return find_benchmark(config.name)->read(config); }
/// The same with what its items refer to.
std::unique_ptr<Task> make(const TaskConfig& config, Inputs& inputs) {
  auto made = make(config);
  made->add_inputs(inputs);
  return made;
}

/// Scored by the benchmark's rules.
TaskResult result_of(const TaskConfig& config, const Task& made, const Embeddings& embeddings) {
  return test::result_of(made, embeddings, find_benchmark(config.name)->rules);
}

std::string item(const std::string& image, const std::string& caption, const std::string& negative) {
  return "{\"filename\": \"" + image + "\", \"caption\": \"" + caption + "\", \"negative_caption\": \"" + negative + "\"}";
}

TaskConfig pair_task(const TempDir& dir, const std::string& text) {
  TaskConfig config = task("caption_choice");
  config.source.path = dir.write("pairs.json", text).string();
  config.images[""] = (dir / "images").string();
  return config;
}

/// As many rows as texts and images, so that any task can be scored.
Embeddings any_embeddings(const Inputs& inputs) {
  torch::manual_seed(1);
  auto embeddings = test::embeddings_of(torch::randn({static_cast<int64_t>(inputs.images().size()), 4}),
                                        torch::randn({static_cast<int64_t>(inputs.texts().size()), 4}));
  embeddings.inputs = &inputs;
  return embeddings;
}

TEST(CaptionChoiceFile, KeepsFileOrder) {
  TempDir dir;
  Inputs inputs;
  const TaskConfig config = pair_task(dir, "{\"10\": " + item("a.jpg", "A", "B") + ", \"2\": " + item("b.jpg", "C", "A") +
                                               ", \"x\": " + item("a.jpg", "A", "A") + "}");
  const auto made = make(config, inputs);
  EXPECT_EQ(inputs.images(), (std::vector<ImageRef>{dir / "images/a.jpg", dir / "images/b.jpg"}));
  EXPECT_EQ(inputs.texts(), (std::vector<std::string>{"A", "B", "C"}));
  const TaskResult result = result_of(config, *made, any_embeddings(inputs));
  ASSERT_EQ(result.outcomes.size(), 3u);
  EXPECT_EQ(result.outcomes[0].id, "10");
  EXPECT_EQ(result.outcomes[1].id, "2");
  EXPECT_EQ(result.outcomes[2].id, "x");
  EXPECT_FALSE(result.outcomes[2].correct);
  EXPECT_EQ(result.outcomes[0].path, std::vector<std::string>{"pairs"});
}

TEST(CaptionChoiceFile, BadFiles) {
  TempDir dir;
  const auto reads = [&](const std::string& text) { return [&dir, text] { make(pair_task(dir, text)); }; };
  expect_error(reads("{\"0\": "), ExitCode::kFailed, {"pairs.json", "not valid JSON"});
  expect_error(reads("[]"), ExitCode::kFailed, {"pairs.json", "no map of items"});
  expect_error(reads("{}"), ExitCode::kFailed, {"pairs.json", "no items"});
  expect_error(reads("{\"4\": []}"), ExitCode::kFailed, {"pairs.json, item \"4\"", "no map"});
  expect_error(reads("{\"0\": " + item("a.jpg", "A", "B") +
                     ", \"7\": {\"filename\": \"a.jpg\", \"caption\": \"A\", \"negative\": \"B\"}}"),
               ExitCode::kFailed, {"item \"7\"", "has no \"negative_caption\"", "filename, caption, negative"});
  expect_error(reads("{\"0\": {\"filename\": 3, \"caption\": \"A\", \"negative_caption\": \"B\"}}"), ExitCode::kFailed,
               {"item \"0\"", "\"filename\" must be a text, got 3"});
  expect_error(reads("{\"0\": " + item("", "A", "B") + "}"), ExitCode::kFailed, {"item \"0\"", "\"filename\" is empty"});
  TaskConfig absent = pair_task(dir, "{}");
  absent.source.path = (dir / "absent.json").string();
  expect_error([&] { make(absent); }, ExitCode::kFailed, {"absent.json"});
  TaskConfig map = pair_task(dir, "{\"0\": " + item("a.jpg", "A", "B") + "}");
  map.images = {{"coco", "a"}, {"vg", "b"}};
  expect_error([&] { make(map); }, ExitCode::kUsage, {"one folder of images"});
}

TEST(SugarCrepe, SevenFilesThreeCategories) {
  TempDir dir;
  TaskConfig config = task("sugarcrepe");
  config.root = (dir / "sc").string();
  config.images[""] = (dir / "coco").string();
  expect_error([&] { make(config); }, ExitCode::kFailed,
               {"lacks replace_obj.json, replace_att.json", "add_att.json", "set root"});
  for (const char* name : kFiles) dir.write("sc/" + std::string(name) + ".json", "{\"0\": " + item("a.jpg", name, "same") + "}");
  Inputs inputs;
  const auto made = make(config, inputs);
  Embeddings embeddings = any_embeddings(inputs);  // texts: replace_obj, same, replace_att, replace_rel, ...
  const torch::Tensor image = embeddings.images_ID[0].clone();
  for (const int64_t text : {0, 2, 3, 4, 5, 6, 7}) embeddings.texts_UD[text].copy_(-image);
  for (const int64_t text : {0, 4, 6}) embeddings.texts_UD[text].copy_(image);  // replace_obj, swap_obj, add_obj are right
  embeddings.texts_UD[1].zero_();
  const TaskResult result = result_of(config, *made, embeddings);
  const auto subtasks = subtasks_of(result.total);
  ASSERT_EQ(subtasks.size(), 7u);
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(subtasks[i].first, kFiles[i]);
    EXPECT_DOUBLE_EQ(subtasks[i].second, std::string(kFiles[i]).find("_obj") != std::string::npos ? 100 : 0);
  }
  EXPECT_NEAR(result.total.score, (100.0 / 3 + 50 + 50) / 3, 1e-9);
  EXPECT_DOUBLE_EQ(result.total.chance, 50);
  fs::remove(dir / "sc/swap_att.json");
  expect_error([&] { make(config); }, ExitCode::kFailed, {"lacks swap_att.json;"});
}

/// A zero-shot folder with classes b, B and a.
TaskConfig folder_task(const TempDir& dir) {
  for (const char* file : {"zs/b/2.JPG", "zs/b/10.png", "zs/b/notes.txt", "zs/B/x.webp", "zs/a/y.jpeg", "zs/.cache/z.jpg"})
    dir.write(file, "");
  dir.write("zs/classnames.txt",
            "\xEF\xBB\xBF"
            "big bee\r\n\nay\n  bee {c}\n");
  dir.write("zs/templates.txt", "a {c} and a {}.\n{}\n");
  TaskConfig config = task("zeroshot");
  config.root = (dir / "zs").string();
  return config;
}

TEST(ImageFolder, LabelsAreRanksInByteOrder) {
  TempDir dir;
  Inputs inputs;
  const TaskConfig config = folder_task(dir);
  const auto made = make(config, inputs);
  EXPECT_EQ(inputs.texts(), (std::vector<std::string>{"a big bee and a big bee.", "big bee", "a ay and a ay.", "ay",
                                                      "a bee {c} and a bee {c}.", "bee {c}"}));
  EXPECT_EQ(inputs.images(),
            (std::vector<ImageRef>{dir / "zs/B/x.webp", dir / "zs/a/y.jpeg", dir / "zs/b/10.png", dir / "zs/b/2.JPG"}));
  const TaskResult result = result_of(config, *made, any_embeddings(inputs));
  const std::vector<std::pair<std::string, int64_t>> expected = {
      {"B/x.webp", 0}, {"a/y.jpeg", 1}, {"b/10.png", 2}, {"b/2.JPG", 2}};
  ASSERT_EQ(result.outcomes.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(result.outcomes[i].id, expected[i].first);
    EXPECT_EQ(result.outcomes[i].more[0].second, expected[i].second);
  }
}

TEST(ImageFolder, BadFolders) {
  TempDir dir;
  const TaskConfig good = folder_task(dir);
  TaskConfig config = good;
  config.root = (dir / "none").string();
  expect_error([&] { make(config); }, ExitCode::kFailed, {"none is not a folder"});
  config.root = (dir / "zs/a").string();
  expect_error([&] { make(config); }, ExitCode::kFailed, {"holds no folders"});
  config = good;
  config.classnames = dir.write("two.txt", "x\ny\n").string();
  expect_error([&] { make(config); }, ExitCode::kFailed, {"two.txt has 2 names for 3 class folders", "from B to b"});
  config.classnames = dir.write("blank.txt", "\n \n").string();
  expect_error([&] { make(config); }, ExitCode::kFailed, {"blank.txt is empty"});
  config.classnames = (dir / "absent.txt").string();
  expect_error([&] { make(config); }, ExitCode::kFailed, {"absent.txt", "classnames"});
  config = good;
  config.templates = dir.write("t.txt", "a {}\n\na photo\n").string();
  expect_error([&] { make(config); }, ExitCode::kFailed, {"t.txt:3", "a photo", "{}"});
  fs::remove(dir / "zs/templates.txt");
  expect_error([&] { make(good); }, ExitCode::kFailed, {"zs/templates.txt", "templates"});
  dir.write("zs/templates.txt", "{}\n");
  fs::remove(dir / "zs/a/y.jpeg");
  expect_error([&] { make(good); }, ExitCode::kFailed, {"class folders without images", ": a"});
}

TEST(RetrievalTable, RowsOfOneImageAreItsCaptions) {
  TempDir dir;
  TaskConfig config = task("retrieval");
  config.source.path = dir.write("t.tsv", "title\tfilepath\nA\tx.jpg\nB\ty.jpg\nC\tx.jpg\nA\ty.jpg\n").string();
  config.source.image_root = (dir / "photos").string();
  Inputs inputs;
  const auto made = make(config, inputs);
  EXPECT_EQ(inputs.images(), (std::vector<ImageRef>{dir / "photos/x.jpg", dir / "photos/y.jpg"}));
  EXPECT_EQ(inputs.texts(), (std::vector<std::string>{"A", "B", "C"}));
  const TaskResult result = result_of(config, *made, any_embeddings(inputs));
  ASSERT_EQ(result.outcomes.size(), 6u);
  EXPECT_EQ(result.outcomes[0].id, "x.jpg");
  EXPECT_EQ(result.outcomes[5].id, "3");
  config.source.caption_column = "text";
  expect_error([&] { make(config); }, ExitCode::kFailed, {"t.tsv", "'text'", "title, filepath"});
  config.source.path = (dir / "absent.tsv").string();
  expect_error([&] { make(config); }, ExitCode::kFailed, {"absent.tsv"});
}

TEST(RetrievalTable, KarpathysTestSplit) {
  TempDir dir;
  TaskConfig config = task("retrieval");
  config.source.format = SourceFormat::kKarpathy;
  config.source.split = {"test"};
  config.source.path =
      dir.write("k.json", R"({"images": [{"filename": "x.jpg", "split": "test", "sentences": [{"raw": "A"}, {"raw": "B"}]},
    {"filename": "y.jpg", "split": "train", "sentences": [{"raw": "C"}]}, {"filename": "z.jpg", "split": "test", "sentences": [{"raw": "D"}]}]})")
          .string();
  Inputs inputs;
  make(config, inputs);
  EXPECT_EQ(inputs.images(), (std::vector<ImageRef>{dir / "x.jpg", dir / "z.jpg"}));
  EXPECT_EQ(inputs.texts(), (std::vector<std::string>{"A", "B", "D"}));
}

TEST(PreparedSuite, ListsMissingImagesBeforeAnyWork) {
  TempDir dir;
  std::string text = "{";
  for (int i = 0; i < 13; ++i)
    text += (i ? ", \"" : "\"") + std::to_string(i) + "\": " + item(std::to_string(i) + ".png", "A", "B");
  SuiteConfig suite;
  suite.tasks = {pair_task(dir, text + "}")};
  test::copy_photo("rgb.png", dir / "images/0.png");
  expect_error([&] { PreparedSuite{suite}; }, ExitCode::kFailed,
               {"12 of 13 images", "images/1.png does not exist", "images/10.png", "... and 2 more"});
  for (int i = 1; i < 13; ++i) test::copy_photo("rgb.png", dir / "images" / (std::to_string(i) + ".png"));
  EXPECT_NO_THROW(PreparedSuite{suite});
  dir.write("images/3.png", "");
  dir.write("images/4.png", "<html>no photo</html>");
  expect_error([&] { PreparedSuite{suite}; }, ExitCode::kFailed,
               {"2 of 13 images", "3.png is empty", "4.png is no JPEG, PNG or WebP file"});
}

}  // namespace
}  // namespace fsc
