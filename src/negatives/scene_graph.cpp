// Reads a caption's scene graph off its dependencies: noun chunks, their modifiers, and verbs and prepositions between them.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "fsc/core/unicode.h"
#include "negatives/detail_children.h"
#include "negatives/detail_scene_graph.h"

namespace fsc::detail {
namespace {

struct Entity {
  Span span;
  int32_t root = 0;
  std::vector<int32_t> modifiers;
};

struct Relation {
  int32_t subject = 0, object = 0;
  Span span;
};

constexpr int32_t kNobody = -1;

class GraphReader {
 public:
  GraphReader(const TextModel& model, const Dependencies& dependencies, const Analysis& caption)
      : model_(model),
        is_(dependencies),
        caption_(caption),
        tokens_(caption.tokens),
        children_(caption.tokens),
        entity_seen_(tokens_.size(), 0),
        subjects_(tokens_.size(), kNobody),
        is_part_of_phrase_(tokens_.size(), 0) {}

  std::vector<Element> read() {
    read_entities();
    read_subjects();
    read_relations();
    std::erase_if(entities_, [&](const Entity& entity) { return is_part_of_phrase_[static_cast<size_t>(entity.root)]; });
    return elements();
  }

 private:
  Token& token(int32_t i) { return tokens_[static_cast<size_t>(i)]; }
  int32_t head(int32_t i) { return token(i).head; }
  int32_t& subject(int32_t verb) { return subjects_[static_cast<size_t>(verb)]; }
  bool has_subject(int32_t verb) { return subject(verb) != kNobody; }

  void read_entities();
  void add_modifiers(int32_t node, Entity& entity);
  void read_subjects();
  void read_relations();
  std::optional<Relation> relation_of(int32_t object);
  std::optional<Relation> relation_by_preposition(int32_t object);
  std::vector<Element> elements();

  const TextModel& model_;
  const Dependencies& is_;
  const Analysis& caption_;
  std::vector<Token> tokens_;  ///< a copy: reading modifiers changes dependencies, though never heads
  bool changed_ = false;
  Children children_;
  std::vector<Entity> entities_;
  std::vector<size_t> entity_seen_;      ///< of each token, the last entity whose modifiers led here
  std::vector<int32_t> subjects_;        ///< of each verb
  std::vector<char> is_part_of_phrase_;  ///< "front" of "in front of": no thing in the picture
  std::vector<Relation> relations_;
};

void GraphReader::read_entities() {
  for (const Span chunk : caption_.noun_chunks) {
    entities_.push_back({chunk, root_of(caption_, chunk), {}});
    add_modifiers(entities_.back().root, entities_.back());
  }
}

/// Articles, numbers and adjectives of a noun and of the nouns compounded with it. Adjectives coordinated with one ("a red and
/// white bus") become adjectives of the noun, which the later steps see.
void GraphReader::add_modifiers(int32_t node, Entity& entity) {
  if (std::exchange(entity_seen_[static_cast<size_t>(node)], entities_.size()) == entities_.size()) return;
  for (const int32_t child : children_.of(node)) {
    const uint16_t dependency = token(child).dependency;
    if (dependency == is_.det || dependency == is_.nummod) {
      entity.modifiers.push_back(child);
    } else if (dependency == is_.amod) {
      entity.modifiers.push_back(child);
      for (const int32_t other : children_.of(child)) {
        if (token(other).dependency != is_.conj) continue;
        token(other).dependency = is_.amod;
        changed_ = true;
        entity.modifiers.push_back(other);
      }
    } else if (dependency == is_.compound) {
      add_modifiers(child, entity);
    }
  }
}

void GraphReader::read_subjects() {
  for (int32_t i = 0; i < static_cast<int32_t>(tokens_.size()); ++i) {
    if (token(i).dependency == is_.nsubj) {
      subject(head(i)) = i;  // a woman is playing
    } else if (token(i).dependency == is_.acl) {
      subject(i) = head(i);  // a woman playing
    } else if (token(i).dependency == is_.pobj && token(head(i)).dependency == is_.agent &&
               token(head(head(i))).pos == Pos::kVerb) {
      subject(head(head(i))) = i;  // played by a woman
    }
  }
}

void GraphReader::read_relations() {
  const auto add = [&](std::span<const Span> chunks) {
    for (const Span chunk : chunks) {
      if (const auto relation = relation_of(root_of(caption_, chunk))) relations_.push_back(*relation);
    }
  };
  if (!changed_) return add(caption_.noun_chunks);
  Analysis rewritten = caption_;
  rewritten.tokens = tokens_;
  add(model_.noun_chunks(rewritten));
}

/// The relation in which the noun `object` stands behind a verb or a preposition; the first rule that fits.
std::optional<Relation> GraphReader::relation_of(int32_t object) {
  const uint16_t dependency = token(object).dependency;
  if (dependency == is_.pobj) return relation_by_preposition(object);
  const int32_t verb = head(object);
  // She plays the piano; she is a pianist; the piano is played by her (whose object is the grammatical subject).
  const bool is_object = dependency == is_.dobj || dependency == is_.attr || dependency == is_.nsubjpass;
  if (is_object && has_subject(verb)) return Relation{subject(verb), object, {verb, verb + 1}};
  return std::nullopt;
}

std::optional<Relation> GraphReader::relation_by_preposition(int32_t object) {
  const int32_t preposition = head(object), above = head(preposition), top = head(above);
  const Span alone{preposition, preposition + 1};
  const auto from = [&](int32_t who, Span span) -> std::optional<Relation> {
    if (span.size() < 1) return std::nullopt;
    return Relation{who, object, span};
  };
  if (token(preposition).dependency == is_.agent) return std::nullopt;  // its verb stands for it
  const bool is_verb = token(above).pos == Pos::kVerb;
  if (is_verb && above + 1 == preposition && has_subject(above) &&
      model_.phrases().phrasal_verbs.contains(model_.lemma(caption_, above) + " " + model_.lemma(caption_, preposition))) {
    return from(subject(above), {above, preposition + 1});  // swings at
  }
  if ((is_verb || token(above).dependency == is_.acl) && has_subject(above)) return from(subject(above), alone);
  if (token(above).dependency == is_.pobj && top <= preposition &&
      model_.phrases().phrasal_prepositions.contains(lower(caption_.text_of({top, preposition + 1})))) {
    is_part_of_phrase_[static_cast<size_t>(above)] = 1;
    return from(head(top), {top, preposition + 1});  // in front of
  }
  if (token(above).pos == Pos::kNoun) return from(above, alone);
  const bool is_modifier = token(above).dependency == is_.amod || token(above).dependency == is_.advmod;
  if (is_modifier && token(top).pos == Pos::kNoun) return from(top, {above, preposition + 1});  // a piano next to
  if (is_modifier && token(top).pos == Pos::kVerb && has_subject(top)) {
    return from(subject(top), {above, preposition + 1});  // she stands next to
  }
  if (token(above).pos == Pos::kAux && has_subject(above)) return from(subject(above), alone);
  return std::nullopt;
}

std::vector<Element> GraphReader::elements() {
  std::vector<char> is_inside(tokens_.size(), 0);
  for (const Entity& entity : entities_)
    std::fill(is_inside.begin() + entity.span.first, is_inside.begin() + entity.span.last, 1);
  // How many of a noun and those coordinated with it are entities.
  const auto conjuncts = [&](int32_t noun) {
    uint32_t count = static_cast<uint32_t>(is_inside[static_cast<size_t>(noun)]);
    for (const int32_t child : children_.of(noun))
      count += token(child).dependency == is_.conj && is_inside[static_cast<size_t>(child)];
    return count;
  };
  std::vector<Element> found;
  for (const Entity& entity : entities_) found.push_back({entity.span, entity.root});
  for (const Entity& entity : entities_) {
    for (const int32_t modifier : entity.modifiers) found.push_back({{modifier, modifier + 1}, modifier});
  }
  for (const Relation& relation : relations_) {
    const uint32_t times = conjuncts(relation.subject) * conjuncts(relation.object);
    if (times > 0) found.push_back({relation.span, root_of(caption_, relation.span), times});
  }
  if (entities_.size() < 2 || found.size() == entities_.size()) found.clear();
  return found;
}

}  // namespace

std::vector<Element> scene_graph(const TextModel& model, const Dependencies& dependencies, const Analysis& caption) {
  return GraphReader(model, dependencies, caption).read();
}

}  // namespace fsc::detail
