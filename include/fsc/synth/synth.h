// The synthetic world: scenes of coloured, sized objects in relations, with captions, negatives and held-out test sets.
#pragma once
#include <cstdint>
#include <filesystem>

namespace fsc {

/// Identity of a world: the same numbers give the same bytes, whatever the number of threads.
struct SynthConfig {
  uint64_t seed = 0;
  int64_t train = 8000;             ///< training images, one caption each; at least 1
  int64_t size = 64;                ///< side of the square images in pixels; 32 to 1024
  int64_t test_scenes = 200;        ///< images of SugarCrepe-shaped and retrieval tests; 1 to 250
  int64_t items = 150;              ///< items in each SugarCrepe-shaped file; 1 to test_scenes
  int64_t zeroshot_per_class = 25;  ///< images of each zero-shot class; at least 1
  int threads = 0;                  ///< 0: one per core; no part of the identity
};

/// What lies in the folder after make_world.
struct SynthSummary {
  bool already_there = false;  ///< the folder held this very world before, nothing was written
  int64_t train_images = 0;
  int64_t test_images = 0;
  int64_t zeroshot_classes = 0;
  int64_t zeroshot_images = 0;
  int64_t sugarcrepe_items = 0;  ///< all seven files together
  int64_t held_out = 0;          ///< (object, attribute, relation) combinations that training never shows or names
};

/// Draws the world into `out`, which appears whole or not at all:
///   train.tsv                  title, filepath, neg_caption (Python list of 2 to 4 false captions): NegCLIP's columns
///   images/train, images/test  JPEG
///   sugarcrepe/*.json          add_att add_obj replace_att replace_obj replace_rel swap_att swap_obj, file names in images/test
///   retrieval.tsv              title, filepath: two captions for each test image
///   zeroshot/<class>/*.jpg     one coloured object alone; classnames.txt (line i = label i), templates.txt
///   world.json                 config, counts, every combination with its split, every test scene
///   examples.png               contact sheet
///
/// Scenes hold one to three objects of different shapes and colours. A setting is how an object stands in its scene:
/// horizontally related (left of, right of), vertically (above, below), nested (inside, around), or unrelated (alone, or as a
/// bystander: with). Every coloured shape is held out in exactly one of the four settings: there no training scene, caption or
/// negative caption has it, and test scenes consist of such combinations only. So a test never repeats a (shape, colour,
/// relation) that training had, yet each shape, colour, relation, and each two of them together, is trained. Where they can,
/// the tests' false captions name held-out combinations only, as the true ones do: what is familiar shall not be a hint.
///
/// Throws UsageError for a config out of range; Error when `out` is a file, is not writable, or is a folder that holds
/// anything but this same world.
SynthSummary make_world(const SynthConfig& config, const std::filesystem::path& out);

}  // namespace fsc
