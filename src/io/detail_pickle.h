// A pickle as data: containers, texts, numbers, and calls that are written down but never made.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fsc::detail {

enum class PickleKind : uint8_t {
  kNone,
  kBool,
  kInt,
  kFloat,
  kText,
  kOpaque,  ///< bytes, sets, numbers above 64 bits: of no use for tensors
  kTuple,
  kList,
  kDict,        ///< items: key, value, key, value ... (dict and OrderedDict)
  kGlobal,      ///< items: module, name
  kCall,        ///< items: what is called (a global), its arguments (a tuple), the state set afterwards (or none)
  kPersistent,  ///< items: the id; torch's storages
};

struct PickleNode;

/// Sixteen bytes. Texts point into the pickle's bytes, nodes into its arena: neither is ever copied, so that a pickle that
/// refers to one large object many times stays as small as it is.
struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  uint32_t text_size = 0;
  union {
    int64_t integer = 0;  ///< kBool, kInt
    double real;
    const char* text_data;
    PickleNode* node;
  };

  bool is(PickleKind k) const { return kind == k; }
  std::string_view text() const {
    return kind == PickleKind::kText ? std::string_view(text_data, text_size) : std::string_view();
  }
  /// The parts of a container; none for anything else.
  const std::vector<PickleValue>& items() const;
};

struct PickleNode {
  std::vector<PickleValue> items;
};

/// Whether a pickle may mention the class or function module.name.
using GlobalFilter = std::function<bool(std::string_view module, std::string_view name)>;

/// Reads protocols 2 to 5 with the opcodes that torch.save and torch.jit.save use. Nothing is imported, called or built; a
/// global the filter does not know is an Error that names it. Memory is bounded by `budget` (about 40 bytes a unit; a tensor
/// takes some 50), time by the length, depth by nothing: no part of it recurses. Containers may contain themselves.
class Pickle {
 public:
  /// `where` begins every message. `bytes` are kept.
  Pickle(std::string bytes, const std::string& where, uint64_t budget, const GlobalFilter& filter);
  Pickle(const Pickle&) = delete;
  Pickle& operator=(const Pickle&) = delete;

  const PickleValue& root() const { return root_; }

 private:
  friend class PickleMachine;
  std::string bytes_;
  std::deque<PickleNode> nodes_;
  PickleValue root_;
};

}  // namespace fsc::detail
