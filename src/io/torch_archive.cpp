// PyTorch's zip format: which of the pickle's contents are the weights, and the weights themselves, mapped.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "fsc/core/error.h"
#include "io/detail_pickle.h"
#include "io/detail_readers.h"
#include "io/detail_tensor_spec.h"
#include "io/detail_torch_globals.h"
#include "io/detail_zip_archive.h"

namespace fsc::detail {
namespace {

// Where training scripts put the weights beside the optimizer's state: open_clip and most others, then the runners-up.
constexpr std::string_view kStateKeys[] = {"state_dict", "model_state_dict", "model", "module"};
// OpenAI's archives hold these numbers as tensors.
constexpr std::string_view kScriptNumbers[] = {"input_resolution", "context_length", "vocab_size"};

constexpr uint64_t kPickleUnits = 600'000;     // 30 MB of objects, some 12,000 tensors ...
constexpr uint64_t kFileBytesPerUnit = 64;     // ... and more as the file grows
constexpr size_t kMaxArchiveTensors = 20'000;  // a TorchScript archive's modules may stand in many places,
constexpr size_t kMaxNames = 4 << 20;          // so that names and tensors can be many more than the pickle's bytes
constexpr int kMaxModuleDepth = 64;
constexpr size_t kMaxNotes = 200, kMaxNote = 1000;  // metadata: numbers and short texts only

class TorchArchive {
 public:
  explicit TorchArchive(const InputFile& file)
      : file_(file),
        where_(file.name()),
        archive_(file),
        folder_(find_folder()),
        script_(is_script()),
        pickle_(read_pickle(), where_, kPickleUnits + file.size() / kFileBytesPerUnit,
                [this](std::string_view module, std::string_view name) {
                  const GlobalRole role = global_role(module, name);
                  return role != GlobalRole::kRefused && (script_ || role != GlobalRole::kScriptClass);
                }) {}

  CheckpointFile read() {
    if (script_) {
      if (!is_module(pickle_.root())) fail("is a TorchScript archive without a module");
      collect_module(pickle_.root(), "", 0);
    } else {
      collect_dict();
    }
    if (specs_.empty()) fail("holds no tensors");
    check_together();
    verify_storages();
    return {script_ ? FileKind::kTorchScript : FileKind::kTorchZip, load()};
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const { throw Error(where_ + " " + problem); }

  // --- the archive ---
  std::string find_folder() const {
    std::string folder;
    for (const auto& entry : archive_.entries()) {
      const size_t slash = entry.name.find('/');
      if (slash == std::string_view::npos || entry.name.substr(slash) != "/data.pkl") continue;
      if (!folder.empty()) fail("holds two models, " + quote_name(folder) + " and " + quote_name(entry.name));
      folder = entry.name.substr(0, slash + 1);
    }
    if (folder.empty())
      fail(
          "is a zip archive without a data.pkl, so neither torch.save nor torch.jit.save (PyTorch 1.6 or later) wrote it; unpack "
          "it, "
          "or write the model again");
    return folder;
  }
  bool is_script() const {
    const std::string code = folder_ + "code/";
    return archive_.find(folder_ + "constants.pkl") || std::any_of(archive_.entries().begin(), archive_.entries().end(),
                                                                   [&](const auto& e) { return e.name.starts_with(code); });
  }
  std::string read_pickle() const {
    if (const ZipEntry* order = archive_.find(folder_ + "byteorder");
        order && (order->size > 16 || archive_.read(*order) != "little"))
      fail("was written on a big-endian machine (its byteorder says so); load it with PyTorch and save it again on this one");
    return archive_.read(*archive_.find(folder_ + "data.pkl"));
  }

  // --- torch.save ---
  void collect_dict() {
    const PickleValue& root = pickle_.root();
    if (!root.is(PickleKind::kDict))
      fail(is_tensor(root) ? "holds one tensor, not a model's state dict; save model.state_dict()"
                           : "holds no dict of tensors; save model.state_dict()");
    const PickleValue* state = nullptr;
    for (const std::string_view key : kStateKeys) {
      const auto& items = root.items();
      for (size_t i = 0; i + 1 < items.size() && !state; i += 2) {
        if (items[i].text() == key && has_tensors(items[i + 1])) state = &items[i + 1];
      }
    }
    if (!state && has_tensors(root)) state = &root;
    if (!state)
      fail("holds no weights where they are looked for: neither a dict of tensors nor one under " + state_keys() + "; it holds " +
           keys(root));

    const auto& items = state->items();
    for (size_t i = 0; i + 1 < items.size(); i += 2) {
      const PickleValue &key = items[i], &value = items[i + 1];
      if (!key.is(PickleKind::kText)) fail("has a tensor whose name is no text");
      if (has_tensors(value))
        fail("holds tensors in a dict or list of its own under " + quote_name(key.text()) + "; a flat state dict is needed");
      add(std::string(key.text()), value);
    }
    const auto& beside = root.items();
    for (size_t i = 0; i + 1 < beside.size(); i += 2) note(beside[i].text(), beside[i + 1]);
  }
  static bool has_tensors(const PickleValue& value) {
    if (value.is(PickleKind::kCall)) return false;
    return std::any_of(value.items().begin(), value.items().end(), [](const PickleValue& item) { return is_tensor(item); });
  }
  static std::string state_keys() {
    std::string text;
    for (const std::string_view key : kStateKeys) text += (text.empty() ? "" : ", ") + quote_name(key);
    return text;
  }
  static std::string keys(const PickleValue& dict) {
    std::string text;
    for (size_t i = 0; i < dict.items().size() && i < 20; i += 2) text += (i ? ", " : "") + quote_name(dict.items()[i].text());
    return text.empty() ? "nothing" : text + (dict.items().size() > 20 ? " ..." : "");
  }

  // --- torch.jit.save ---
  static bool is_module(const PickleValue& value) {
    return value.is(PickleKind::kCall) && global_role(value.items()[0]) == GlobalRole::kScriptClass;
  }
  /// Adds every tensor below a module: its parameters and buffers. One module in two places has two names.
  void collect_module(const PickleValue& module, const std::string& prefix, int depth) {
    if (depth > kMaxModuleDepth) fail("nests its modules too deeply, at " + quote_name(prefix));
    // The one thing about a model that its tensors cannot tell.
    const std::string_view kind = module.items()[0].items()[1].text();
    if (kind == "QuickGELU" || kind == "GELU") notes_.emplace("activation", kind == "GELU" ? "gelu" : "quick_gelu");
    const auto& attributes = module.items()[2].items();
    if (!module.items()[2].is(PickleKind::kDict)) return;
    for (size_t i = 0; i + 1 < attributes.size(); i += 2) {
      const std::string_view key = attributes[i].text();
      const PickleValue& value = attributes[i + 1];
      if (is_module(value) || is_tensor(value)) {
        names_size_ += prefix.size() + key.size() + 1;
        if (names_size_ > kMaxNames) fail("has more modules than a model of its size can need");
      }
      if (is_module(value)) {
        collect_module(value, prefix + std::string(key) + ".", depth + 1);
      } else {
        add(prefix + std::string(key), value);
      }
      if (depth == 0 && key != "training" && !key.starts_with("_")) note(key, value);
    }
  }

  // --- what was found ---
  void add(std::string name, const PickleValue& value) {
    auto spec = tensor_spec(value, name, archive_, folder_, where_);
    if (!spec) return;
    if (!names_.insert(name).second) fail("has the tensor " + quote_name(name) + " twice");
    if (specs_.size() == kMaxArchiveTensors) fail("has more than " + std::to_string(kMaxArchiveTensors) + " tensors");
    specs_.push_back(std::move(*spec));
  }
  void note(std::string_view key, const PickleValue& value) {
    if (notes_.size() == kMaxNotes || key.empty() || key.size() > kMaxNote) return;
    char number[32];
    std::snprintf(number, sizeof number, "%.17g", value.is(PickleKind::kFloat) ? value.real : 0.0);
    switch (value.kind) {
      case PickleKind::kBool:
        notes_.emplace(key, value.integer ? "true" : "false");
        break;
      case PickleKind::kInt:
        notes_.emplace(key, std::to_string(value.integer));
        break;
      case PickleKind::kFloat:
        notes_.emplace(key, number);
        break;
      case PickleKind::kText:
        if (value.text().size() <= kMaxNote) notes_.emplace(key, value.text());
        break;
      default:
        break;
    }
  }

  /// Tied and expanded tensors share their bytes in the file, but whoever copies them pays for each.
  void check_together() const {
    const uint64_t limit = 4 * file_.size() + (16 << 20);
    uint64_t total = 0;
    for (const auto& spec : specs_) {
      if (spec.bytes > limit - total)
        fail("has tensors that share their bytes so often that they take " + std::to_string(limit) + " bytes or more, at " +
             quote_name(spec.name) + "; the file has " + std::to_string(file_.size()));
      total += spec.bytes;
    }
  }
  /// The checksums of the storages in use, all cores together: it costs less than fetching the pages.
  void verify_storages() {
    mapping_ = file_.map();
    std::set<const ZipEntry*> distinct;
    for (const auto& spec : specs_) distinct.insert(spec.storage);
    const std::vector<const ZipEntry*> storages(distinct.begin(), distinct.end());
    at::parallel_for(0, static_cast<int64_t>(storages.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        archive_.verify(*storages[static_cast<size_t>(i)], contents(*storages[static_cast<size_t>(i)]));
    });
  }
  std::string_view contents(const ZipEntry& entry) const { return {mapping_->data() + entry.begin, entry.size}; }

  StateDict load() {
    StateDict state;
    for (const auto& spec : specs_) {
      const auto width = c10::elementSize(spec.dtype);
      const uint64_t first = static_cast<uint64_t>(spec.offset) * width, span = static_cast<uint64_t>(spec.span);
      if (spec.dtype == c10::ScalarType::Bool) check_bool_bytes(contents(*spec.storage).substr(first, span), where_, spec.name);
      const auto tensor = mapped_tensor(mapping_, spec.storage->begin + first, span, spec.sizes, spec.strides, spec.dtype);
      const bool number = script_ && tensor.dim() == 0 &&
                          std::find(std::begin(kScriptNumbers), std::end(kScriptNumbers), spec.name) != std::end(kScriptNumbers);
      if (number) {
        notes_[spec.name] = std::to_string(tensor.to(torch::kInt64).item<int64_t>());
      } else {
        state.add(spec.name, tensor);
      }
    }
    state.metadata = std::move(notes_);
    return state;
  }

  const InputFile& file_;
  const std::string where_;
  const ZipArchive archive_;
  const std::string folder_;  ///< "archive/": the name of the model, before each entry's own
  const bool script_;
  const Pickle pickle_;
  std::vector<TensorSpec> specs_;
  std::set<std::string> names_;
  size_t names_size_ = 0;
  std::map<std::string, std::string> notes_;
  std::shared_ptr<Mapping> mapping_;
};

}  // namespace

CheckpointFile read_torch_archive(const InputFile& file) { return TorchArchive(file).read(); }

}  // namespace fsc::detail
