// The kinds of items that are scored, and the rule of each; benchmarks only make items.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fsc/eval/benchmark.h"

namespace fsc {

/// An image and its true caption among false ones. Correct when the true one scores strictly higher than every other: a tie is
/// wrong.
struct CaptionChoiceItem {
  std::vector<std::string> path;  ///< its part of the benchmark (Outcome::path)
  std::string id;
  ImageRef image;
  std::string caption;
  std::vector<std::string> foils;
};
/// An outcome an item, of the item's path. Scores: the cosine of the caption, then of the foils.
std::unique_ptr<Task> caption_choice_task(std::vector<CaptionChoiceItem> items);

/// Images with a class each; a class is a set of prompts.
struct ZeroShotItems {
  struct Image {
    std::string id;
    ImageRef image;
    int64_t label = 0;
  };
  std::vector<std::vector<std::string>> prompts;  ///< of each class
  std::vector<Image> images;
};
/// A class's weight is the normalised mean of its prompts' normalised features; the prediction is the first maximum of the
/// cosines. An outcome an image, without parts: top-1, with top5 (same tie rule; only with more than 5 classes) as a further
/// question; stated: mean_per_class (mean recall of the classes that have images). Scores: the cosine of every class, or, past
/// 100 classes, of the label and of the prediction.
std::unique_ptr<Task> zero_shot_task(ZeroShotItems items);

/// Images and captions; each caption belongs to one image, an image may have several.
struct RetrievalItems {
  std::vector<ImageRef> images;
  std::vector<std::string> image_ids;
  std::vector<std::string> captions;
  std::vector<size_t> owner;  ///< of each caption: index into `images`
};
/// The rank of a query is the place of its first own candidate when candidates are sorted by falling score and equal scores
/// keep the order of the table (a stable sort). R@k counts ranks below k. An outcome a query, correct at rank 0, in the parts i2t
/// (id = the image's path in the table) and t2i (id = number of the caption, from 0), with R@1, R@5 and R@10 as further
/// questions. Scores: the best own candidate's and the best candidate's; `rank` from 0.
std::unique_ptr<Task> retrieval_task(RetrievalItems items);

}  // namespace fsc
