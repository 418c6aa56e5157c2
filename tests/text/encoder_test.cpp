// tok2vec: against the plain computation with all rows of padding, and without influence of a batch's other texts.
#include "text/detail_encoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "fsc/core/rng.h"
#include "support/expect_error.h"
#include "text/byte_writer.h"

namespace fsc::detail {
namespace {

using Matrix = std::vector<std::vector<double>>;

const Encoder& encoder() {
  static const Encoder kEncoder = [] {
    Reader reader(test::real_model_file("network.bin"), "network.bin");
    return Encoder(reader);
  }();
  return kEncoder;
}

std::vector<std::vector<float>> random_words(size_t count, uint64_t seed) {
  Rng rng({seed});
  std::vector<std::vector<float>> words(count, std::vector<float>(kWidth));
  for (auto& word : words)
    for (float& value : word) value = static_cast<float>(rng.normal());
  return words;
}

std::vector<float> encode(const std::vector<std::vector<std::vector<float>>>& texts) {
  std::vector<const float*> words;
  std::vector<size_t> lengths;
  for (const auto& text : texts) {
    lengths.push_back(text.size());
    for (const auto& word : text) words.push_back(word.data());
  }
  return encoder().encode(words, lengths);
}

/// The window layers as they stand in the file, in double precision over every row: four zeros, the text, four zeros.
Matrix plain_encode(const std::vector<std::vector<float>>& text) {
  Reader reader(test::real_model_file("network.bin"), "network.bin");
  for (uint32_t tables = reader.u32(); tables > 0; --tables) {
    reader.u32();
    reader.array<float>(reader.u32() * kWidth);
  }
  EXPECT_EQ(reader.u32(), 5U);
  Affine(reader, 6 * kWidth, 3 * kWidth);
  Norm{reader};
  Matrix rows(text.size() + 8, std::vector<double>(kWidth, 0.0));
  for (size_t i = 0; i < text.size(); ++i) rows[4 + i].assign(text[i].begin(), text[i].end());
  for (int layer = 0; layer < 4; ++layer) {
    const Affine affine(reader, 3 * kWidth, 3 * kWidth);
    const Norm norm(reader);
    Matrix next = rows;
    for (size_t r = 0; r < rows.size(); ++r) {
      std::vector<double> window, best(kWidth, -1e30);
      for (int offset = -1; offset <= 1; ++offset) {
        const size_t at = r + static_cast<size_t>(offset);
        const std::vector<double> zeros(kWidth, 0.0), &row = at < rows.size() ? rows[at] : zeros;
        window.insert(window.end(), row.begin(), row.end());
      }
      double mean = 0, variance = 0;
      for (size_t i = 0; i < kWidth; ++i) {
        for (size_t c = i; c < 3 * kWidth; c += kWidth) {
          double sum = affine.bias[c];
          for (size_t k = 0; k < window.size(); ++k)
            sum += window[k] * affine.weights[c / 32 * window.size() * 32 + k * 32 + c % 32];
          best[i] = std::max(best[i], sum);
        }
        mean += best[i] / kWidth;
      }
      for (const double value : best) variance += (value - mean) * (value - mean) / kWidth;
      for (size_t i = 0; i < kWidth; ++i)
        next[r][i] += (best[i] - mean) / std::sqrt(variance + 1e-8) * norm.gain[i] + norm.shift[i];
    }
    rows = next;
  }
  return Matrix(rows.begin() + 4, rows.end() - 4);
}

TEST(Encoder, IsThePlainComputation) {
  for (const size_t length : {1, 2, 5, 9}) {
    const auto text = random_words(length, length);
    const Matrix expected = plain_encode(text);
    const std::vector<float> got = encode({text});
    ASSERT_EQ(got.size(), length * kWidth);
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got[i], expected[i / kWidth][i % kWidth], 1e-4) << "of " << length << " words, number " << i;
  }
}

TEST(Encoder, TextsDoNotSeeOneAnother) {
  std::vector<std::vector<std::vector<float>>> texts;
  for (const size_t length : {3, 0, 1, 7, 0, 0, 60, 2}) texts.push_back(random_words(length, 100 + length));
  std::vector<float> one_by_one;
  for (const auto& text : texts) {
    const auto alone = encode({text});
    one_by_one.insert(one_by_one.end(), alone.begin(), alone.end());
  }
  EXPECT_EQ(encode(texts), one_by_one) << "bit for bit";
  EXPECT_TRUE(encode({}).empty());
  EXPECT_TRUE(encode({{}, {}}).empty());
}

TEST(Encoder, EmbeddingTellsFeaturesApart) {
  Piece dog, cat;
  dog.features = {1, 2, 3, 4, false};
  cat.features = {1, 2, 5, 4, false};
  const Piece pieces[] = {dog, cat, dog};
  const auto vectors = encoder().embed(pieces);
  ASSERT_EQ(vectors.size(), 3 * 2 * kWidth);
  const auto vector = [&](size_t i) {
    return std::vector<float>(vectors.begin() + static_cast<ptrdiff_t>(i * kWidth),
                              vectors.begin() + static_cast<ptrdiff_t>((i + 1) * kWidth));
  };
  EXPECT_EQ(vector(0), vector(4));
  EXPECT_EQ(vector(1), vector(5));
  EXPECT_NE(vector(0), vector(1)) << "a blank behind the word";
  EXPECT_NE(vector(0), vector(2)) << "another suffix";
}

TEST(Encoder, DamagedFilesAreRefused) {
  const std::string bytes = test::real_model_file("network.bin");
  const auto refuses = [](const std::string& damaged, const std::string& part) {
    Reader reader(damaged, "network.bin");
    test::expect_error([&] { Encoder{reader}; }, ExitCode::kFailed, {"network.bin", part, "scripts/setup"});
  };
  refuses("", "ends early");
  refuses(std::string("\5\0\0\0", 4), "expected 6 embedding tables");
  refuses(test::ByteWriter().u32(6).u32(8).u32(0).text(), "embedding table is empty");
  refuses(bytes.substr(0, 100'000), "more than the file holds");
  refuses(bytes.substr(0, 5'000'000), "ends early");
  std::string infinite = bytes;
  const float infinity = std::numeric_limits<float>::infinity();
  std::memcpy(&infinite[12 + 4 * 96], &infinity, sizeof infinity);
  refuses(infinite, "no finite number");
}

}  // namespace
}  // namespace fsc::detail
