// The public face of the pipeline, and the model's lexical resources beside it.
#include "fsc/text/text_model.h"

#include <limits>
#include <mutex>

#include "fsc/core/assets.h"
#include "fsc/core/error.h"
#include "fsc/core/unicode.h"
#include "text/detail_model_files.h"
#include "text/detail_pipeline.h"

namespace fsc {
namespace {

constexpr size_t kTextsAtOnce = 64;                                // bounds memory; results do not depend on it
constexpr size_t kMaxBytes = std::numeric_limits<int32_t>::max();  // of one text: ICU's limit

}  // namespace

struct TextModel::Impl {
  std::string fingerprint;
  detail::Pipeline pipeline;
  std::unique_ptr<WordNet> wordnet;
  std::unique_ptr<Inflections> inflections;
  Phrases phrases;

  explicit Impl(const detail::ModelFiles& files)
      : fingerprint(files.fingerprint()),
        pipeline(files.reader("network.bin"), files.reader("tokenizer.bin"), files.reader("grammar.bin")),
        wordnet(WordNet::parse(files.bytes("wordnet.bin"), files.path("wordnet.bin"))),
        inflections(Inflections::parse(files.bytes("inflections.bin"), files.path("inflections.bin"))),
        phrases(Phrases::parse(files.bytes("phrases.bin"), files.path("phrases.bin"))) {}
};

TextModel::TextModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TextModel::~TextModel() = default;

std::shared_ptr<const TextModel> TextModel::load(const std::filesystem::path& folder) {
  return std::shared_ptr<const TextModel>(new TextModel(std::make_unique<Impl>(detail::ModelFiles(folder))));
}

std::shared_ptr<const TextModel> TextModel::shared() {
  static std::mutex mutex;
  static std::shared_ptr<const TextModel> model;
  const std::lock_guard lock(mutex);
  if (!model) model = load(find_asset("text_model/manifest.json").parent_path());
  return model;
}

std::vector<Analysis> TextModel::analyse(std::span<const std::string_view> captions) const {
  std::vector<Analysis> analyses(captions.size());
  for (size_t i = 0; i < captions.size(); ++i) {
    if (captions[i].size() > kMaxBytes)
      throw Error("a caption of " + std::to_string(captions[i].size()) + " bytes: no caption can be so long");
    analyses[i].text = valid_utf8(captions[i]);
  }
  for (size_t begin = 0; begin < analyses.size(); begin += kTextsAtOnce)
    impl_->pipeline.analyse(std::span(analyses).subspan(begin, std::min(kTextsAtOnce, analyses.size() - begin)), kMaxTokens);
  return analyses;
}

Analysis TextModel::analyse(std::string_view caption) const { return std::move(analyse(std::span(&caption, 1))[0]); }

const std::vector<std::string>& TextModel::tags() const { return impl_->pipeline.tags().all(); }
const std::vector<std::string>& TextModel::dependencies() const { return impl_->pipeline.dependencies().all(); }
uint16_t TextModel::tag(std::string_view name) const { return impl_->pipeline.tags().find(name); }
uint16_t TextModel::dependency(std::string_view name) const { return impl_->pipeline.dependencies().find(name); }

std::vector<Span> TextModel::noun_chunks(const Analysis& analysis) const { return impl_->pipeline.noun_chunks(analysis); }
std::string TextModel::lemma(const Analysis& analysis, int32_t token) const {
  return impl_->pipeline.lemma(analysis, static_cast<size_t>(token));
}

const WordNet& TextModel::wordnet() const { return *impl_->wordnet; }
const Inflections& TextModel::inflections() const { return *impl_->inflections; }
const Phrases& TextModel::phrases() const { return impl_->phrases; }
const std::string& TextModel::fingerprint() const { return impl_->fingerprint; }

const char* pos_name(Pos pos) {
  static constexpr const char* kNames[] = {"",     "ADJ",  "ADP",   "ADV",   "AUX",   "CCONJ", "DET", "INTJ", "NOUN", "NUM",
                                           "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SPACE", "SYM", "VERB", "X"};
  return kNames[static_cast<size_t>(pos)];
}

}  // namespace fsc
