// Puts together what a config, the metadata, the kind of file, the shapes and the user say about a model.
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "weights/detail_hf_config.h"
#include "weights/detail_names.h"
#include "weights/detail_shapes.h"
#include "weights/detail_source.h"

namespace fsc::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kForce = "force:";
constexpr const char* kHowToName = "--arch (fsc-eval, fsc-model) or model.arch (fsc-train)";

struct Statement {
  ArchConfig arch;
  std::string where;  ///< "the architecture ViT-B-32", a file, ...
};

std::string folder_name(const fs::path& file) { return fs::absolute(file).parent_path().filename().string(); }

std::string activations(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i)
    text += (i == 0                  ? ""
             : i + 1 == names.size() ? " or "
                                     : ", ") +
            names[i] + " (" + activation_name(ArchConfig::load(names[i])) + ")";
  return text;
}

/// OpenAI's archives are QuickGELU; one whose modules say otherwise is believed.
bool is_quick_archive(const CheckpointFile& file) {
  const auto it = file.state.metadata.find("activation");
  return it == file.state.metadata.end() || it->second == "quick_gelu";
}

class Resolver {
 public:
  Resolver(const ModelFiles& files, const CheckpointFile& file, bool lenient) : files_(files), file_(file), lenient_(lenient) {}

  Resolved run(const std::string& given) {
    ModelDescription& d = result_.description;
    read_configs();
    if (given.starts_with(kForce)) {
      d.arch = ArchConfig::load(given.substr(kForce.size()));
    } else {
      if (!given.empty()) {
        const ArchConfig arch = ArchConfig::load(given);
        statements_.insert(statements_.begin(), {arch, "the architecture " + arch.name});
      }
      agree(given.empty());
      if (statements_.empty())
        infer();
      else
        d.arch = statements_.front().arch;
    }
    d.preprocess_known = d.preprocess.has_value();
    if (d.arch && !d.preprocess) d.preprocess = default_preprocess(*d.arch);
    if (d.arch && d.preprocess) d.preprocess->size = d.arch->vision.image_size;
    check_tokenizer();
    return std::move(result_);
  }

 private:
  void say(Statement statement) { statements_.push_back(std::move(statement)); }
  template <class E>
  void problem(const E& error) {
    if (!lenient_) throw error;
    result_.problems.push_back(error.what());
  }

  void read_configs() {
    ModelDescription& d = result_.description;
    const std::string where = files_.weights.string();
    if (auto recorded = metadata_description(file_.state.metadata, files_.weights.stem().string(), where)) {
      d = std::move(*recorded);
      say({*d.arch, where + "'s metadata"});
    }
    if (!files_.open_clip_config.empty()) {
      const std::string path = files_.open_clip_config.string();
      ModelDescription beside = parse_open_clip_config(read_file(path), folder_name(path), path);
      say({*beside.arch, path});
      if (beside.tokenizer_sha256.empty()) beside.tokenizer_sha256 = d.tokenizer_sha256;
      if (!beside.provenance.step && beside.provenance.config_sha256.empty()) beside.provenance = d.provenance;
      d = std::move(beside);
    } else if (!files_.hf_config.empty()) {
      const std::string path = files_.hf_config.string();
      d.arch = parse_hf_config(read_file(path), folder_name(path), path);
      say({*d.arch, path});
      if (!files_.preprocessor.empty())
        d.preprocess = parse_hf_preprocess(read_file(files_.preprocessor), *d.arch, files_.preprocessor.string());
    }
  }

  void agree(bool only_records) {
    if (statements_.empty()) return;
    const Statement& first = statements_[0];
    std::string remedy = only_records ? "; correct the one that is wrong, or write force:NAME for " : "; leave ";
    remedy += kHowToName;
    remedy += only_records ? " to overrule both" : " out to use what is recorded, or write force:NAME there to overrule it";
    for (size_t i = 1; i < statements_.size(); ++i) {
      const std::string differences = arch_differences(statements_[i].arch, first.arch);
      if (!differences.empty())
        problem(UsageError(first.where + " contradicts " + statements_[i].where + ": " + differences + remedy));
    }
    if (file_.kind != FileKind::kTorchScript || first.arch.quick_gelu == is_quick_archive(file_)) return;
    problem(UsageError(first.where + " has " + activation_name(first.arch) + ", but the TorchScript archive " +
                       files_.weights.string() +
                       (is_quick_archive(file_) ? " is one of OpenAI's kind, which are QuickGELU" : " calls GELU") + remedy +
                       " (ViT-B-32-quickgelu is QuickGELU, ViT-B-32 GELU)"));
  }

  /// Nobody has said it: the shapes.
  void infer() {
    const StateDict state = to_open_clip_names(file_.state, files_.weights.string());
    const auto inferred = infer_arch(state);
    const std::string unknown = "the architecture of " + files_.weights.string() + " is not known";
    if (!inferred) {
      problem(UsageError(
          unknown + ": neither a config beside it nor its metadata say it, and its tensors do not tell all sizes; name it with " +
          kHowToName + " (such as ViT-B-32-quickgelu, or the path of a model-config JSON)"));
      return;
    }
    ModelDescription& d = result_.description;
    const auto& candidates = inferred->candidates;
    if (inferred->arch.vision.siglip && !candidates.empty()) {  // one activation a name
      d.arch = ArchConfig::load(candidates[0]);
      if (name_style(file_.state) == NameStyle::kHfSiglip) d.arch->vision.gelu_tanh = d.arch->text.gelu_tanh = true;
      return;
    }
    if (file_.kind == FileKind::kTorchScript && infer_archive(*inferred)) return;
    d.arch = inferred->arch;
    d.activation_known = false;
    d.arch->name = candidates.empty() ? "" : candidates[0];
    const std::string silent = unknown + ": neither a config beside it nor its metadata say it";
    if (candidates.empty())
      problem(UsageError(silent + ", and its shapes are those of no known architecture; name it with " + kHowToName +
                         ", the path of a model-config JSON"));
    else
      problem(UsageError(silent + ", and shapes cannot tell GELU from QuickGELU; name it with " + kHowToName + ": " +
                         activations(candidates) + "; weights from OpenAI are QuickGELU, most others GELU"));
  }

  /// OpenAI's archives: QuickGELU, and heads 64 wide when the sizes are of no known architecture.
  bool infer_archive(const InferredArch& inferred) {
    ModelDescription& d = result_.description;
    for (const auto& name : inferred.candidates) {
      d.arch = ArchConfig::load(name);
      if (d.arch->quick_gelu == is_quick_archive(file_)) return true;
    }
    if (inferred.arch.vision.width % 64 != 0 || inferred.arch.text.width % 64 != 0 || inferred.arch.vision.siglip) return false;
    d.arch = inferred.arch;
    d.arch->quick_gelu = is_quick_archive(file_);
    d.arch->name = files_.weights.stem().string();
    return true;
  }

  void check_tokenizer() {
    ModelDescription& d = result_.description;
    if (!d.arch) return;
    const ModelDescription here = describe({.arch = *d.arch, .tokenizer = files_.tokenizer});
    const std::string& found = here.tokenizer_sha256;
    d.tokenizer = here.tokenizer;
    if (d.tokenizer_sha256.empty()) d.tokenizer_sha256 = found;
    if (!found.empty() && found != d.tokenizer_sha256)
      problem(Error(files_.weights.string() + " was made with another tokenizer: SHA-256 " + d.tokenizer_sha256 + ", " +
                    (d.tokenizer == kClipTokenizer ? "CLIP's vocabulary" : files_.tokenizer.string()) + " has " + found));
  }

  const ModelFiles& files_;
  const CheckpointFile& file_;
  const bool lenient_;
  std::vector<Statement> statements_;
  Resolved result_;
};

}  // namespace

Resolved resolve(const ModelFiles& files, const CheckpointFile& file, const std::string& arch, bool lenient) {
  return Resolver(files, file, lenient).run(arch);
}

}  // namespace fsc::detail
