// A folder with one suite of all tasks, its photos and two tiny models.
#pragma once
#include <nlohmann/json.hpp>

#include "eval/eval_support.h"

namespace fsc::test {

inline const std::vector<std::string>& suite_photos() {
  static const std::vector<std::string> names = {"rgb.png", "rgb420.jpg", "grey.jpg", "large.jpg", "tall.jpg", "lossy.webp"};
  return names;
}

/// suite.yaml, run1 and run2 in `dir`.
inline void write_suite_folder(const TempDir& dir) {
  const auto& photos = suite_photos();
  std::string table = "filepath\ttitle\n";
  nlohmann::json pairs;
  for (size_t i = 0; i < photos.size(); ++i) {
    copy_photo(photos[i], dir / ("images/" + photos[i]));
    copy_photo(photos[i], dir / ("zs/class" + std::to_string(i % 3) + "/" + photos[i]));
    pairs[std::to_string(i)] = {{"filename", photos[i]},
                                {"caption", "a photo number " + std::to_string(i)},
                                {"negative_caption", "photo a number " + std::to_string(i)}};
    table += "images/" + photos[i] + "\tcaption " + std::to_string(i) + "\nimages/" + photos[i] + "\tanother " +
             std::to_string(i) + "\n";
  }
  pairs["0"]["negative_caption"] = "A photo  number 0";  // the same tokens as the caption: a tie
  for (const char* name : {"replace_obj", "replace_att", "replace_rel", "swap_obj", "swap_att", "add_obj", "add_att"})
    dir.write(std::string("sc/") + name + ".json", pairs.dump());
  dir.write("retrieval.tsv", table);
  dir.write("zs/classnames.txt", "dog\ncat\nfish\n");
  dir.write("zs/templates.txt", "a photo of a {}.\n{c}\n");
  const std::string at = dir.path().string();
  dir.write("suite.yaml",
            "tasks:\n"
            "  - {name: sugarcrepe, root: " +
                at + "/sc, images: " + at +
                "/images}\n"
                "  - {name: caption_choice, label: one, path: " +
                at + "/sc/add_att.json, images: " + at +
                "/images}\n"
                "  - {name: zeroshot, root: " +
                at +
                "/zs}\n"
                "  - {name: retrieval, path: " +
                at +
                "/retrieval.tsv}\n"
                "batch_size: 4\n");
  for (const uint64_t seed : {1, 2}) {
    const auto folder = dir / ("run" + std::to_string(seed));
    std::filesystem::create_directories(folder);
    const LoadedModel loaded = tiny_model(seed);
    write_model_files(folder, loaded, *loaded.model);
  }
}

}  // namespace fsc::test
