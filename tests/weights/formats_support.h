// tests/data/formats: models as other programs save them, and the features those programs compute.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "fsc/weights/model_folder.h"
#include "support/golden.h"
#include "support/text_rows.h"

namespace fsc::test {

inline std::filesystem::path format_file(const std::string& name) {
  return std::filesystem::path(FSC_TEST_DATA) / "formats" / name;
}

inline const Golden& format_golden() {
  static const Golden golden = read_golden("../formats/expected.safetensors");
  return golden;
}

/// The model's features of the golden's input are those of `name`.
inline void expect_features(ClipModelImpl& model, const std::string& name, double tolerance = 2e-5) {
  const torch::NoGradGuard no_grad;
  const Golden& golden = format_golden();
  const bool siglip = model.arch().vision.siglip;
  const torch::Tensor& ids = golden.at(siglip ? "siglip_ids" : "ids");
  const auto image = model.encode_images(golden.at("pixels")).features_BD,
             text = model.encode_texts(siglip ? full_text_rows(ids) : text_rows(ids)).features_RD;
  EXPECT_LE((image - golden.at(name + "/image")).abs().max().item<double>(), tolerance) << name;
  EXPECT_LE((text - golden.at(name + "/text")).abs().max().item<double>(), tolerance) << name;
}

inline void expect_same_tensors(const StateDict& a, const StateDict& b) {
  EXPECT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a.entries()) {
    const torch::Tensor* other = b.find(name);
    ASSERT_NE(other, nullptr) << name;
    EXPECT_EQ(tensor.scalar_type(), other->scalar_type()) << name;
    EXPECT_TRUE(torch::equal(tensor, *other)) << name;
  }
}

}  // namespace fsc::test
