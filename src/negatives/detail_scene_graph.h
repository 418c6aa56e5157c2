// The scene graph of a caption: what is in the picture, how it is described, how it stands to other things.
#pragma once
#include <cstdint>
#include <vector>

#include "fsc/text/text_model.h"

namespace fsc::detail {

/// A part of the graph that may be replaced.
struct Element {
  Span span;
  int32_t root = 0;
  uint32_t times = 1;  ///< how often it stands in the graph: a relation between coordinated nouns once for each pair of them
};

/// The numbers of the dependencies that graphs are read from.
struct Dependencies {
  explicit Dependencies(const TextModel& model)
      : acl(model.dependency("acl")),
        advmod(model.dependency("advmod")),
        agent(model.dependency("agent")),
        amod(model.dependency("amod")),
        attr(model.dependency("attr")),
        compound(model.dependency("compound")),
        conj(model.dependency("conj")),
        det(model.dependency("det")),
        dobj(model.dependency("dobj")),
        nsubj(model.dependency("nsubj")),
        nsubjpass(model.dependency("nsubjpass")),
        nummod(model.dependency("nummod")),
        pobj(model.dependency("pobj")) {}
  uint16_t acl, advmod, agent, amod, attr, compound, conj, det, dobj, nsubj, nsubjpass, nummod, pobj;
};

/// Entities, then their modifiers, then the relations between them; nothing when there are not two entities and something said
/// about them. The rules are those of SceneGraphParser as FSC-CLIP adapts them.
std::vector<Element> scene_graph(const TextModel& model, const Dependencies& dependencies, const Analysis& caption);

}  // namespace fsc::detail
