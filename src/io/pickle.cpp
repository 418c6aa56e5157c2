// The pickle machine: a stack, a memo, and opcodes that only arrange data.
#include "io/detail_pickle.h"

#include <bit>
#include <cstdio>

#include "fsc/core/error.h"
#include "io/detail_input_file.h"
#include "io/detail_pickle_opcodes.h"

namespace fsc::detail {
namespace {

using namespace opcode;

constexpr size_t kMaxGlobalName = 512;
// What is called to do something; the advice to load a file with PyTorch would be a bad one.
constexpr std::string_view kCommandModules[] = {"os",  "posix",    "nt",     "subprocess", "builtins", "__builtin__", "sys",
                                                "pty", "commands", "shutil", "socket",     "runpy",    "importlib",   "pickle"};

}  // namespace

const std::vector<PickleValue>& PickleValue::items() const {
  static const std::vector<PickleValue> none;
  return kind >= PickleKind::kTuple ? node->items : none;
}

class PickleMachine {
 public:
  PickleMachine(Pickle& pickle, const std::string& where, uint64_t budget, const GlobalFilter& filter)
      : pickle_(pickle), rest_(pickle.bytes_), where_(where), budget_(budget), filter_(filter) {}

  void run() {
    while (true) {
      const auto code = static_cast<unsigned char>(take(1)[0]);
      if (code == kStop) break;
      if (!value_opcode(code) && !container_opcode(code) && !object_opcode(code)) {
        char text[8];
        std::snprintf(text, sizeof text, "0x%02X", code);
        fail("has the opcode " + std::string(text) + ", which no checkpoint needs");
      }
    }
    if (!marks_.empty() || stack_.size() != 1) fail("ends with " + std::to_string(stack_.size()) + " values instead of one");
    pickle_.root_ = stack_.back();
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(where_ + ": the pickle in it " + problem + " (at its byte " +
                std::to_string(pickle_.bytes_.size() - rest_.size()) + "); the file is damaged or no checkpoint of PyTorch");
  }
  void spend(uint64_t units) {
    if (units > budget_) fail("has more objects than a model of its size can need");
    budget_ -= units;
  }
  std::string_view take(uint64_t count) {
    if (count > rest_.size()) fail("is cut off");
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }
  uint64_t number(size_t width) {
    const std::string_view bytes = take(width);
    uint64_t value = 0;
    for (size_t i = width; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  }

  // --- the stack ---
  void push(const PickleValue& value) {
    spend(1);
    stack_.push_back(value);
  }
  void push_int(int64_t integer, PickleKind kind = PickleKind::kInt) {
    PickleValue value;
    value.kind = kind;
    value.integer = integer;
    push(value);
  }
  void push_opaque() { push_int(0, PickleKind::kOpaque); }
  void push_text(std::string_view text) {
    PickleValue value;
    value.kind = PickleKind::kText;
    value.text_size = static_cast<uint32_t>(text.size());  // a pickle has less than 4 GiB
    value.text_data = text.data();
    push(value);
  }
  void push_node(PickleKind kind, std::vector<PickleValue> items) {
    spend(3 + items.size());
    pickle_.nodes_.push_back({std::move(items)});
    PickleValue value;
    value.kind = kind;
    value.node = &pickle_.nodes_.back();
    push(value);
  }
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleValue pop() {
    if (stack_.size() <= floor()) fail("takes a value that is not there");
    const PickleValue value = stack_.back();
    stack_.pop_back();
    return value;
  }
  PickleValue& top() {
    if (stack_.size() <= floor()) fail("uses a value that is not there");
    return stack_.back();
  }
  std::vector<PickleValue> pop_to_mark() {
    if (marks_.empty()) fail("closes what it never opened");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleValue> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  std::vector<PickleValue> pop_last(size_t count) {
    if (stack_.size() - floor() < count) fail("takes a value that is not there");
    std::vector<PickleValue> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  /// Adds to the container on top. Opaque objects swallow what is put into them.
  void add_items(PickleKind kind, const std::vector<PickleValue>& items) {
    if (kind == PickleKind::kDict && items.size() % 2 != 0) fail("has a key without a value");
    const PickleValue& target = top();
    if (target.is(PickleKind::kOpaque) || target.is(PickleKind::kCall)) return;
    if (!target.is(kind)) fail("fills something that is no container");
    spend(items.size());
    target.node->items.insert(target.node->items.end(), items.begin(), items.end());
  }

  // --- the opcodes ---
  bool value_opcode(unsigned char code) {
    switch (code) {
      case kNone:
        return push(PickleValue()), true;
      case kNewTrue:
        return push_int(1, PickleKind::kBool), true;
      case kNewFalse:
        return push_int(0, PickleKind::kBool), true;
      case kBinInt:
        return push_int(static_cast<int32_t>(number(4))), true;
      case kBinInt1:
        return push_int(static_cast<int64_t>(number(1))), true;
      case kBinInt2:
        return push_int(static_cast<int64_t>(number(2))), true;
      case kLong1:
        return push_long(number(1)), true;
      case kLong4:
        return push_long(number(4)), true;
      case kBinFloat:
        return push_float(), true;
      case kShortBinString:
      case kShortBinUnicode:
        return push_text(take(number(1))), true;
      case kBinString:
      case kBinUnicode:
        return push_text(take(number(4))), true;
      case kBinUnicode8:
        return push_text(take(number(8))), true;
      case kShortBinBytes:
        return take(number(1)), push_opaque(), true;
      case kBinBytes:
        return take(number(4)), push_opaque(), true;
      case kBinBytes8:
      case kByteArray8:
        return take(number(8)), push_opaque(), true;
      case kProto:
        if (const uint64_t version = number(1); version < 2 || version > 5) fail("is of protocol " + std::to_string(version));
        return true;
      case kFrame:
        return number(8), true;
      default:
        return false;
    }
  }
  void push_long(uint64_t width) {
    const std::string_view bytes = take(width);
    if (width > 8) return push_opaque();
    uint64_t value = width && static_cast<signed char>(bytes[width - 1]) < 0 ? ~uint64_t{0} : 0;
    for (size_t i = width; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    push_int(static_cast<int64_t>(value));
  }
  void push_float() {
    uint64_t bits = 0;
    for (const unsigned char byte : take(8)) bits = bits << 8 | byte;
    PickleValue value;
    value.kind = PickleKind::kFloat;
    value.real = std::bit_cast<double>(bits);
    push(value);
  }

  bool container_opcode(unsigned char code) {
    switch (code) {
      case kMark:
        return spend(1), marks_.push_back(stack_.size()), true;
      case kPop:
        return pop(), true;
      case kPopMark:
        return pop_to_mark(), true;
      case kEmptyTuple:
        return push_node(PickleKind::kTuple, {}), true;
      case kTuple:
        return push_node(PickleKind::kTuple, pop_to_mark()), true;
      case kTuple1:
      case kTuple2:
      case kTuple3:
        return push_node(PickleKind::kTuple, pop_last(code - kTuple1 + 1u)), true;
      case kEmptyList:
        return push_node(PickleKind::kList, {}), true;
      case kAppend:
        return add_last(PickleKind::kList, 1), true;
      case kAppends:
        return add_marked(PickleKind::kList), true;
      case kEmptyDict:
        return push_node(PickleKind::kDict, {}), true;
      case kSetItem:
        return add_last(PickleKind::kDict, 2), true;
      case kSetItems:
        return add_marked(PickleKind::kDict), true;
      case kEmptySet:
        return push_opaque(), true;
      case kAddItems:
        return pop_to_mark(), true;
      case kFrozenSet:
        return pop_to_mark(), push_opaque(), true;
      case kBinPut:
        return put(number(1)), true;
      case kLongBinPut:
        return put(number(4)), true;
      case kMemoize:
        return put(memo_.size()), true;
      case kBinGet:
        return get(number(1)), true;
      case kLongBinGet:
        return get(number(4)), true;
      default:
        return false;
    }
  }
  void add_last(PickleKind kind, size_t count) { add_items(kind, pop_last(count)); }
  void add_marked(PickleKind kind) { add_items(kind, pop_to_mark()); }
  void put(uint64_t index) {
    if (index > memo_.size()) fail("numbers its objects out of order");  // every pickler counts up
    if (index < memo_.size()) {
      memo_[index] = top();
      return;
    }
    spend(1);
    memo_.push_back(top());
  }
  void get(uint64_t index) {
    if (index >= memo_.size()) fail("refers to an object that is not there");
    push(memo_[index]);
  }

  bool object_opcode(unsigned char code) {
    switch (code) {
      case kGlobal: {
        const std::string_view module = line();
        return push_global(module, line()), true;
      }
      case kStackGlobal: {
        const auto names = pop_last(2);
        if (!names[0].is(PickleKind::kText) || !names[1].is(PickleKind::kText))
          fail("names a class by something that is no text");
        return push_global(names[0].text(), names[1].text()), true;
      }
      case kReduce:
      case kNewObj:
        return push_call(pop_last(2)), true;
      case kNewObjEx:
        return pop(), push_call(pop_last(2)), true;  // keyword arguments: no tensor has any
      case kBuild: {
        const PickleValue state = pop();
        if (top().is(PickleKind::kCall)) top().node->items[2] = state;  // an OrderedDict's is its _metadata: not needed
        return true;
      }
      case kBinPersId:
        return push_node(PickleKind::kPersistent, pop_last(1)), true;
      default:
        return false;
    }
  }
  std::string_view line() {
    const size_t end = rest_.substr(0, kMaxGlobalName).find('\n');
    if (end == std::string_view::npos) fail("has a class name without an end");
    const std::string_view text = take(end);
    take(1);
    return text;
  }
  void push_global(std::string_view module, std::string_view name) {
    if (!filter_(module, name)) refuse_global(module, name);
    push_text(module);
    push_text(name);
    push_node(PickleKind::kGlobal, pop_last(2));
  }
  [[noreturn]] void refuse_global(std::string_view module, std::string_view name) const {
    std::string global(module.substr(0, kMaxGlobalName));
    global.append(".").append(name.substr(0, kMaxGlobalName));
    const std::string text = where_ + ": the pickle in it needs " + quote_name(global) +
                             ", which is no part of a tensor; it is refused, " + "and nothing of it was run. ";
    for (const std::string_view module_of_commands : kCommandModules) {
      if (module == module_of_commands) throw Error(text + "No model needs it: do not load the file with another program either");
    }
    throw Error(text + "If you trust the file, keep its weights only: python -c \"import torch; s = torch.load('" + where_ +
                "', map_location='cpu', weights_only=False); s = s.state_dict() if hasattr(s, 'state_dict') else s; "
                "torch.save(s.get('state_dict', s), 'weights.pt')\"");
  }
  /// callee_args: what is called and with what. An OrderedDict is filled later, as a dict is.
  void push_call(std::vector<PickleValue> callee_args) {
    const PickleValue callee = callee_args[0], args = callee_args[1];
    if (!callee.is(PickleKind::kGlobal)) fail("calls something that is no function");
    if (!args.is(PickleKind::kTuple)) fail("calls with something that is no list of arguments");
    if (callee.items()[1].text() == "OrderedDict" && args.items().empty()) return push_node(PickleKind::kDict, {});
    callee_args.emplace_back();
    push_node(PickleKind::kCall, std::move(callee_args));
  }

  Pickle& pickle_;
  std::string_view rest_;
  const std::string& where_;
  uint64_t budget_;
  const GlobalFilter& filter_;
  std::vector<PickleValue> stack_, memo_;
  std::vector<size_t> marks_;
};

Pickle::Pickle(std::string bytes, const std::string& where, uint64_t budget, const GlobalFilter& filter)
    : bytes_(std::move(bytes)) {
  if (bytes_.size() >= uint64_t{1} << 32)
    throw Error(where + ": a pickle of " + std::to_string(bytes_.size()) + " bytes is too long");
  PickleMachine(*this, where, budget, filter).run();
}

}  // namespace fsc::detail
