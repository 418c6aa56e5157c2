// COCO's captions JSON and Karpathy's JSON as pairs, and what is said of files that are neither.
#include <gtest/gtest.h>

#include "fsc/data/table.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
using test::expect_error;
using test::TempDir;

SourceConfig source_of(const std::string& path, SourceFormat format) {
  SourceConfig source;
  source.path = path;
  source.format = format;
  return source;
}

const char* kCoco = R"({"info": {}, "images": [{"id": 9, "file_name": "b.jpg"}, {"id": 4, "file_name": "a.jpg"}],
  "annotations": [{"image_id": 4, "id": 1, "caption": "a dog"}, {"image_id": 9, "id": 2, "caption": "two \u00e9toiles", "neg_caption": ["x", "y"]},
                  {"image_id": 4, "id": 3, "caption": "a black dog"}]})";

TEST(Coco, APairAnAnnotation) {
  const TempDir dir;
  SourceConfig source = source_of(dir.write("ann/captions.json", kCoco), SourceFormat::kCoco);
  const auto pairs = read_pairs(source);
  ASSERT_EQ(pairs.size(), 3u);
  EXPECT_EQ(pairs[0].caption, "a dog");
  EXPECT_EQ(pairs[0].key, "a.jpg");
  EXPECT_EQ(pairs[0].image, dir / "ann/a.jpg");
  EXPECT_EQ(pairs[1].key, "b.jpg");
  EXPECT_EQ(pairs[1].caption, "two étoiles");
  EXPECT_EQ(pairs[2].key, "a.jpg");
  source.image_root = "/photos";
  EXPECT_EQ(read_pairs(source)[0].image, "/photos/a.jpg");
}

TEST(Coco, NegativesBesideTheCaption) {
  const TempDir dir;
  const SourceConfig source = source_of(dir.write("c.json", kCoco), SourceFormat::kCoco);
  const auto pairs = read_pairs(source, "neg_caption");
  EXPECT_EQ(pairs[0].negatives, NegativeTexts());
  EXPECT_EQ(pairs[1].negatives, (NegativeTexts{"x", "y"}));
  expect_error([&] { read_pairs(source, "other"); }, ExitCode::kFailed, {"c.json", "no \"other\"", "negatives.source"});
}

TEST(Coco, NegativesThatAreMissingAndThoseThatAreNone) {
  const TempDir dir;
  const auto read = [&](const std::string& list) {
    const auto path = dir.write("c.json", R"({"images": [{"id": 1, "file_name": "a.jpg"}],
                                "annotations": [{"image_id": 1, "caption": "a", "neg": )" +
                                              list + "}]}");
    return read_pairs(source_of(path, SourceFormat::kCoco), "neg")[0].negatives;
  };
  EXPECT_EQ(read(R"(["a \"b\"\n", null, "", " \t\u000b", "犬"])"),
            (NegativeTexts{"a \"b\"\n", std::nullopt, std::nullopt, std::nullopt, "犬"}));
  const std::string wrong = "expected a string in quotes, None or null";
  for (const auto& [list, column] :
       {std::pair("[7]", 2), std::pair(R"(["犬", null, true])", 11), std::pair(R"(["a\n", ["b"]])", 8)})
    expect_error([&, text = list] { read(text); }, ExitCode::kFailed,
                 {"c.json, annotation 1 (a.jpg), column neg: column " + std::to_string(column) + ": " + wrong});
  expect_error([&] { read("\"a\""); }, ExitCode::kFailed, {"annotation 1: \"neg\" (negatives.column) is no list of texts"});
}

void expect_bad_coco(const std::string& text, const std::vector<std::string>& parts) {
  const TempDir dir;
  const auto path = dir.write("c.json", text);
  expect_error([&] { read_pairs(source_of(path, SourceFormat::kCoco)); }, ExitCode::kFailed, parts);
}

TEST(Coco, Mistakes) {
  expect_bad_coco("{\"images\": [", {"c.json is not valid JSON", "data.train.format"});
  expect_bad_coco("[1, 2]", {"no list \"images\"", "annotations"});
  expect_bad_coco(R"({"images": [], "annotations": 7})", {"no list \"annotations\""});
  expect_bad_coco(R"({"images": [], "annotations": []})", {"has no annotations"});
  expect_bad_coco(R"({"images": [{"id": 1}], "annotations": []})", {"image 1 has no text \"file_name\""});
  expect_bad_coco(R"({"images": [{"file_name": "a.jpg"}], "annotations": []})", {"image 1 has no \"id\""});
  expect_bad_coco(R"({"images": [{"id": 1, "file_name": ""}], "annotations": []})", {"image 1", "empty"});
  expect_bad_coco(R"({"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"image_id": 2, "caption": "a"}]})",
                  {"annotation 1 belongs to image 2"});
  expect_bad_coco(R"({"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"image_id": 1, "caption": 3}]})",
                  {"annotation 1 has no text \"caption\""});
  expect_bad_coco(R"({"images": [5], "annotations": []})", {"image 1 has no text"});
}

const char* kKarpathy = R"({"dataset": "coco", "images": [
  {"filepath": "val2014", "filename": "1.jpg", "split": "restval", "sentences": [{"raw": "one"}, {"raw": "two"}]},
  {"filepath": "train2014", "filename": "2.jpg", "split": "train", "sentences": [{"raw": "three"}]},
  {"filename": "3.jpg", "split": "test", "sentences": [{"raw": "four"}]}]})";

TEST(Karpathy, SentencesOfTheSplits) {
  const TempDir dir;
  SourceConfig source = source_of(dir.write("k.json", kKarpathy), SourceFormat::kKarpathy);
  auto pairs = read_pairs(source);
  ASSERT_EQ(pairs.size(), 3u) << "train and restval by default";
  EXPECT_EQ(pairs[0].key, "val2014/1.jpg");
  EXPECT_EQ(pairs[0].image, dir / "val2014/1.jpg");
  EXPECT_EQ(pairs[1].caption, "two");
  EXPECT_EQ(pairs[2].key, "train2014/2.jpg");
  source.split = {"test"};
  pairs = read_pairs(source);
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].image, dir / "3.jpg") << "Flickr's have no filepath";
}

TEST(Karpathy, Mistakes) {
  const TempDir dir;
  SourceConfig source = source_of(dir.write("k.json", kKarpathy), SourceFormat::kKarpathy);
  source.split = {"val"};
  expect_error([&] { read_pairs(source); }, ExitCode::kFailed, {"k.json", "split", "restval (1 images)", "test (1 images)"});
  source = source_of(dir.write("bad.json", R"({"images": [{"filename": "1.jpg", "split": "train"}]})"), SourceFormat::kKarpathy);
  expect_error([&] { read_pairs(source); }, ExitCode::kFailed, {"image 1 has no list \"sentences\""});
  source =
      source_of(dir.write("bad2.json", R"({"images": [{"filename": "1.jpg", "split": "train", "sentences": [{"tokens": []}]}]})"),
                SourceFormat::kKarpathy);
  expect_error([&] { read_pairs(source); }, ExitCode::kFailed, {"image 1, sentence 1 has no text \"raw\""});
}

TEST(Webdataset, IsNoList) {
  expect_error([&] { read_pairs(source_of("a.tar", SourceFormat::kWebdataset)); }, ExitCode::kUsage,
               {"webdataset is for training"});
}

}  // namespace
}  // namespace fsc
