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
  size_t subtask = 0;  ///< index into CaptionChoiceItems::subtasks
  std::string id;
  int64_t image = 0;
  int64_t caption = 0;
  std::vector<int64_t> foils;
};
struct CaptionChoiceItems {
  struct Subtask {
    std::string name;
    size_t category = 0;
  };
  std::vector<Subtask> subtasks;  ///< categories are numbered from 0 without gaps
  std::vector<CaptionChoiceItem> items;
};
/// Score: mean over the categories of the accuracy over a category's items. Subtasks: accuracies. Prediction scores: the cosine
/// of the caption, then of the foils.
std::unique_ptr<Task> caption_choice_task(CaptionChoiceItems items);

/// Images with a class each; a class is a set of prompts.
struct ZeroShotItems {
  struct Image {
    std::string id;
    int64_t image = 0;
    int64_t label = 0;
  };
  std::vector<std::vector<int64_t>> prompts;  ///< text numbers of each class
  std::vector<Image> images;
};
/// A class's weight is the normalised mean of its prompts' normalised features; the prediction is the first maximum of the
/// cosines. Score: top-1 accuracy. Subtasks: top5 (same tie rule; only with more than 5 classes) and mean_per_class (mean recall
/// of the classes that have images). Prediction scores: the cosine of every class, or, past 100 classes, of the label and of the
/// prediction.
std::unique_ptr<Task> zero_shot_task(ZeroShotItems items);

/// Images and captions; each caption belongs to one image, an image may have several.
struct RetrievalItems {
  std::vector<int64_t> images;
  std::vector<std::string> image_ids;
  std::vector<int64_t> captions;
  std::vector<size_t> owner;  ///< of each caption: index into `images`
};
/// The rank of a query is the place of its first own candidate when candidates are sorted by falling score and equal scores
/// keep the order of the table (a stable sort). R@k counts ranks below k. Score: mean of i2t/R@1 and t2i/R@1. Subtasks:
/// {i2t,t2i}/R@{1,5,10}. Predictions: subtask i2t (id = the image's path in the table) and t2i (id = number of the caption, from
/// 0); scores: the best own candidate's and the best candidate's; `rank` from 0; correct = rank 0.
std::unique_ptr<Task> retrieval_task(RetrievalItems items);

}  // namespace fsc
