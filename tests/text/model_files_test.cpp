// The folder of the text model: what is refused, and how it is named.
#include "text/detail_model_files.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"
#include "fsc/core/rng.h"
#include "fsc/text/text_model.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"
#include "text/byte_writer.h"
#include "text/detail_pipeline.h"

namespace fsc {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::TempDir;

const fs::path& real_folder() {
  static const fs::path kFolder = find_asset("text_model/manifest.json").parent_path();
  return kFolder;
}

std::vector<std::string> file_names() {
  std::vector<std::string> names;
  const auto manifest = nlohmann::json::parse(read_file(real_folder() / "manifest.json"));
  for (const auto& [name, unused] : manifest.at("files").items()) names.push_back(name);
  return names;
}

/// A model's folder by links, whose files a test may replace.
class Folder {
 public:
  Folder() {
    for (const auto& entry : fs::directory_iterator(real_folder()))
      fs::create_symlink(entry.path(), dir_ / entry.path().filename().string());
  }
  void replace(const std::string& name, const std::string& bytes) const {
    fs::remove(dir_ / name);
    dir_.write(name, bytes);
  }
  void remove(const std::string& name) const { fs::remove(dir_ / name); }
  void change_manifest(const std::function<void(nlohmann::json&)>& change) const {
    auto manifest = nlohmann::json::parse(read_file(dir_ / "manifest.json"));
    change(manifest);
    replace("manifest.json", manifest.dump());
  }
  void refused(const std::vector<std::string>& parts) const {
    expect_error([&] { TextModel::load(dir_.path()); }, ExitCode::kFailed, parts);
  }

 private:
  TempDir dir_;
};

TEST(ModelFiles, TheRealOneLoads) {
  const detail::ModelFiles files(real_folder());
  EXPECT_EQ(files.bytes("grammar.bin").size(), fs::file_size(real_folder() / "grammar.bin"));
  EXPECT_EQ(files.fingerprint(), sha256_file(real_folder() / "manifest.json"));
  EXPECT_EQ(TextModel::load(real_folder())->fingerprint(), files.fingerprint());
  expect_error([&] { files.bytes("other.bin"); }, ExitCode::kFailed,
               {"manifest.json", "does not list other.bin", "scripts/setup"});
}

TEST(ModelFiles, NoFolderNoManifest) {
  expect_error([] { TextModel::load("/nowhere/text_model"); }, ExitCode::kFailed,
               {"/nowhere/text_model/manifest.json is missing", "scripts/setup"});
  const TempDir empty;
  expect_error([&] { TextModel::load(empty.path()); }, ExitCode::kFailed, {"manifest.json is missing", "scripts/setup"});
}

TEST(ModelFiles, EveryFileIsNeededAndChecked) {
  for (const std::string& name : file_names()) {
    const std::string bytes = read_file(real_folder() / name);
    {
      const Folder folder;
      folder.remove(name);
      folder.refused({name + " is missing", "scripts/setup"});
    }
    std::string flipped = bytes;
    flipped[bytes.size() / 2] ^= 1;
    const Folder folder;
    folder.replace(name, flipped);
    folder.refused({name + " is damaged", "SHA-256", "scripts/setup"});
    for (const size_t size : {size_t{0}, size_t{1}, bytes.size() / 2, bytes.size() - 1}) {
      folder.replace(name, bytes.substr(0, size));
      folder.refused(
          {name + " has " + std::to_string(size) + " bytes instead of " + std::to_string(bytes.size()), "scripts/setup"});
    }
  }
}

TEST(ModelFiles, OtherFormatsAreNamed) {
  const Folder folder;
  folder.change_manifest([](nlohmann::json& manifest) { manifest["format"] = 99; });
  folder.refused({"manifest.json is of format 99, this program reads 1", "scripts/setup"});
}

TEST(ModelFiles, DamagedManifests) {
  const std::string manifest = read_file(real_folder() / "manifest.json");
  const Folder folder;
  for (const std::string& bytes :
       {std::string(), std::string("{"), std::string("[]"), std::string("{\"format\": \"1\"}"), std::string("{\"format\": 1}"),
        std::string("{\"format\": 1, \"files\": []}"), manifest.substr(0, manifest.size() / 2)}) {
    folder.replace("manifest.json", bytes);
    folder.refused({"manifest.json is damaged", "scripts/setup"});
  }
  for (const char* change : {"size", "digest", "path"}) {
    const Folder damaged;
    damaged.change_manifest([&](nlohmann::json& json) {
      if (change == std::string("size")) json["files"]["grammar.bin"]["bytes"] = -1;
      if (change == std::string("digest")) json["files"]["grammar.bin"].erase("sha256");
      if (change == std::string("path")) json["files"]["../grammar.bin"] = json["files"]["grammar.bin"];
    });
    damaged.refused({"manifest.json is damaged", "scripts/setup"});
  }
}

TEST(ModelFiles, AManifestMustListAllParts) {
  for (const std::string& name : file_names()) {
    const Folder folder;
    folder.change_manifest([&](nlohmann::json& manifest) { manifest["files"].erase(name); });
    folder.refused({"manifest.json does not list " + name, "scripts/setup"});
  }
}

/// Builds the pipeline from the real files, but for one; whatever comes of it must be an Error or a pipeline that works.
void try_damaged(const std::string& name, const std::string& bytes, size_t& refused) {
  const auto reader = [&](const std::string& wanted) {
    return detail::Reader(wanted == name ? std::string_view(bytes) : test::real_model_file(wanted), wanted);
  };
  try {
    const detail::Pipeline pipeline(reader("network.bin"), reader("tokenizer.bin"), reader("grammar.bin"));
    Analysis text[2];
    text[0].text = "Two dogs, which aren't black, were riding on a sofa in front of (the) big T.V. :)";
    pipeline.analyse(text, 512);
    for (size_t i = 0; i < text[0].tokens.size(); ++i) pipeline.lemma(text[0], i);
  } catch (const Error& error) {
    ++refused;
    EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("scripts/setup"), std::string::npos) << error.what();
  }
}

TEST(ModelFiles, DamageBehindARightDigestIsAnErrorAtWorst) {
  Rng rng({11});
  for (const auto& [name, rounds] :
       std::vector<std::pair<std::string, int>>{{"grammar.bin", 60}, {"tokenizer.bin", 30}, {"network.bin", 10}}) {
    size_t refused = 0;
    for (int round = 0; round < rounds; ++round) {
      std::string bytes = test::real_model_file(name);
      // Most of the structure stands in the first part of a file.
      const size_t range = rng.chance(0.5) ? std::min<size_t>(bytes.size(), 8000) : bytes.size();
      for (int flips = 0; flips < 3; ++flips) bytes[rng.below(range)] = static_cast<char>(rng.below(256));
      try_damaged(name, bytes, refused);
    }
    if (name != "network.bin") {  // of which nearly all bytes may be any number
      EXPECT_GT(refused, 0U) << name;
    }
    for (int cut = 0; cut < 5; ++cut) {
      size_t cuts_refused = 0;
      try_damaged(name, test::real_model_file(name).substr(0, rng.below(test::real_model_file(name).size())), cuts_refused);
      EXPECT_EQ(cuts_refused, 1U) << name;
    }
    size_t longer_refused = 0;
    try_damaged(name, test::real_model_file(name) + "x", longer_refused);
    EXPECT_EQ(longer_refused, 1U) << name;
  }
}

}  // namespace
}  // namespace fsc
