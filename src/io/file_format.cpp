// Telling model files apart by their first bytes, and what to tell people who brought something else.
#include <array>
#include <string_view>

#include "fsc/core/error.h"
#include "io/detail_readers.h"

namespace fsc::detail {
namespace {

using namespace std::string_view_literals;

constexpr size_t kHead = 512;
constexpr size_t kTarMagic = 257;

std::string write_again(const std::string& where) {
  return "python -c \"import torch; torch.save(torch.load('" + where + "', map_location='cpu', weights_only=True), 'model.pt')\"";
}

struct Mistaken {
  std::string_view magic;
  const char* what;
};
constexpr std::array kMistaken = {
    Mistaken{"version https://git-lfs"sv, "is a git-lfs pointer, not the model itself; fetch the content with `git lfs pull`"},
    Mistaken{"version https://hawser"sv, "is a git-lfs pointer, not the model itself; fetch the content with `git lfs pull`"},
    Mistaken{"\x1F\x8B"sv, "is compressed with gzip; unpack it first"},
    Mistaken{"<!DOCTYPE"sv, "is a web page, not a model: the download went wrong, get the file again"},
    Mistaken{"<!doctype"sv, "is a web page, not a model: the download went wrong, get the file again"},
    Mistaken{"<html"sv, "is a web page, not a model: the download went wrong, get the file again"},
    Mistaken{"\x89HDF"sv, "is an HDF5 file (Keras, TensorFlow); only PyTorch's formats and safetensors are read"},
    Mistaken{"GGUF"sv, "is a GGUF file; only PyTorch's formats and safetensors are read"},
};

}  // namespace

FileFormat file_format(const InputFile& file) {
  const std::string head = file.head(kHead), where = file.name();
  const std::string_view text = head;
  if (text.size() > 8 && text[8] == '{') return FileFormat::kSafetensors;  // its length can look like another format's magic
  if (text.starts_with("PK\3\4"sv) || text.starts_with("PK\5\6"sv)) return FileFormat::kZip;
  if (const size_t first = text.find_first_not_of(" \t\r\n"); first != std::string::npos && text[first] == '{')
    return FileFormat::kIndex;
  if (text.empty()) throw Error(where + " is empty; get the file again");
  for (const auto& mistaken : kMistaken) {
    if (text.starts_with(mistaken.magic)) throw Error(where + " " + mistaken.what);
  }
  if (text.size() > kTarMagic + 5 && text.substr(kTarMagic, 5) == "ustar")
    throw Error(
        where +
        " is a tar archive; unpack it first, or, if it is a model of PyTorch before 0.2, write it again with an old PyTorch: " +
        write_again(where));
  if (text.size() > 2 && text[0] == '\x80' && text[1] >= 1 && text[1] <= 5) {
    throw Error(where + " is a bare pickle, the format torch.save wrote before PyTorch 1.6, which is not read; write it again: " +
                write_again(where));
  }
  return FileFormat::kSafetensors;  // whose reader says what is wrong with it
}

}  // namespace fsc::detail
