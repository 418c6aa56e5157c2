// Captions: a statement about a scene, the words for it, and minimal edits that make it false.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "synth/detail_scene.h"

namespace fsc::synth {

struct Mention {
  Shape shape;
  Colour colour;
  std::optional<Size> size;  ///< not always said
  bool operator==(const Mention&) const = default;
};

/// mentions[0] relation mentions[1], and mentions[2] is there too. kAlone with one mention, kWith: they are there together.
struct Statement {
  std::vector<Mention> mentions;
  Relation relation = Relation::kAlone;
  bool operator==(const Statement&) const = default;
};

/// SugarCrepe's seven kinds of negatives, in the order of its files' names.
enum class Edit : uint8_t { kAddAtt, kAddObj, kReplaceAtt, kReplaceObj, kReplaceRel, kSwapAtt, kSwapObj };
inline constexpr size_t kEdits = 7;
const char* name_of(Edit edit);  ///< "add_att", ...

/// Whether the scene has the mentioned things, in that relation.
bool is_true(const Statement& statement, const Scene& scene);

/// Whether it names a combination that training must not name, be it as a falsehood.
bool names_held_out(const Statement& statement, const HeldOut& held_out);
/// Whether all it names are such.
bool names_only_held_out(const Statement& statement, const HeldOut& held_out);

/// A true statement: either order of the related things, sizes and bystander said at times.
Statement describe(const Scene& scene, Rng& rng);

/// The statement after one edit; nothing when the edit does not apply or left it true.
std::optional<Statement> falsify(const Statement& statement, Edit edit, const Scene& scene, Rng& rng);

/// The words. `wording` fixes sentence form, synonyms, articles, capital and full stop, so that two statements said with the
/// same wording differ only where they differ in content.
std::string say(const Statement& statement, uint64_t wording);

}  // namespace fsc::synth
