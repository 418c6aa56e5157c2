// Texts lie in one array with rows of zeros between them, as in the reference; of those rows only what words can see is computed.
#include "text/detail_encoder.h"

#include <algorithm>
#include <cstring>

#include "text/detail_hash.h"

namespace fsc::detail {
namespace {

constexpr size_t kPad = 4;  // rows between two texts and around them all
constexpr size_t kWindowLayers = 4;
// Rows beside a text that each window layer must compute so that the words come out right: a word sees one row further with each
// layer, so of the last layer's inputs the nearest is needed, of the one before it two. Rows outside these still are what zeros
// give (blank_).
constexpr size_t kReach[kWindowLayers] = {1, 2, 1, 0};
constexpr size_t kRowsAtOnce = 48;  // their inputs and outputs fit into the first-level cache beside a block of weights

}  // namespace

Encoder::Encoder(Reader& reader) {
  if (reader.u32() != kFeatures) reader.fail("expected " + std::to_string(kFeatures) + " embedding tables");
  for (Table& table : tables_) {
    table.seed = reader.u32();
    table.rows = reader.count(kWidth * sizeof(float));
    if (table.rows == 0) reader.fail("an embedding table is empty");
    table.vectors = read_floats(reader, table.rows * kWidth);
  }
  if (reader.u32() != 1 + kWindowLayers) reader.fail("expected " + std::to_string(1 + kWindowLayers) + " layers");
  layers_.reserve(1 + kWindowLayers);
  layers_.emplace_back(reader, kFeatures * kWidth);
  for (size_t i = 0; i < kWindowLayers; ++i) layers_.emplace_back(reader, 3 * kWidth);

  const std::vector<float> zeros(3 * kWidth, 0.0F);
  const float* const row = zeros.data();
  float* const out = blank_.data();
  apply(layers_[1], {&row, 1}, nullptr, &out);
}

void Encoder::add_rows(const WordFeatures& word, bool space_after, float* sums) const {
  const uint64_t numbers[kFeatures] = {word.norm, word.prefix, word.suffix, word.shape, space_after, word.is_space};
  for (size_t i = 0; i < kFeatures; ++i, sums += kWidth) {
    const auto rows = row_hash(numbers[i], tables_[i].seed);
    const float* const vectors = tables_[i].vectors.data();
    const auto row = [&](size_t r) { return vectors + rows[r] % tables_[i].rows * kWidth; };
    const float *a = row(0), *b = row(1), *c = row(2), *d = row(3);
    for (size_t j = 0; j < kWidth; ++j) sums[j] = a[j] + b[j] + c[j] + d[j];
  }
}

/// `out` rows may not be among the `rows` of the same call.
void Encoder::apply(const Layer& layer, std::span<const float* const> rows, const float* const* residual,
                    float* const* out) const {
  std::vector<float> values(std::min(rows.size(), kRowsAtOnce) * layer.affine.columns);
  for (size_t begin = 0; begin < rows.size(); begin += kRowsAtOnce) {
    const size_t count = std::min(kRowsAtOnce, rows.size() - begin);
    multiply(layer.affine, rows.subspan(begin, count), values.data());
    kernels().maxout_norm(values.data(), layer.norm.gain.data(), layer.norm.shift.data(), residual ? residual + begin : nullptr,
                          count, out + begin);
  }
}

std::vector<float> Encoder::embed(std::span<const Piece> pieces) const {
  const size_t count = 2 * pieces.size(), inputs = kFeatures * kWidth;
  std::vector<float> sums(count * inputs), vectors(count * kWidth);
  std::vector<const float*> rows;
  std::vector<float*> out;
  for (size_t i = 0; i < count; ++i) {
    add_rows(pieces[i / 2].features, i % 2 == 1, sums.data() + i * inputs);
    rows.push_back(sums.data() + i * inputs);
    out.push_back(vectors.data() + i * kWidth);
  }
  apply(layers_[0], rows, nullptr, out.data());
  return vectors;
}

void Encoder::window(const Layer& layer, const std::vector<float>& in, std::span<const size_t> rows,
                     std::vector<float>& out) const {
  std::vector<const float*> windows, centres;
  std::vector<float*> results;
  for (const size_t row : rows) {
    windows.push_back(in.data() + (row - 1) * kWidth);  // three neighbouring rows lie one after another
    centres.push_back(in.data() + row * kWidth);
    results.push_back(out.data() + row * kWidth);
  }
  apply(layer, windows, centres.data(), results.data());
}

std::vector<float> Encoder::encode(std::span<const float* const> embedded, std::span<const size_t> lengths) const {
  std::vector<size_t> begins;
  size_t rows = kPad;
  for (const size_t length : lengths) {
    begins.push_back(rows);
    rows += length + kPad;
  }
  std::vector<float> in(rows * kWidth, 0.0F), out(rows * kWidth, 0.0F);
  size_t word = 0;
  for (size_t t = 0; t < lengths.size(); ++t)
    for (size_t i = 0; i < lengths[t]; ++i) std::memcpy(&in[(begins[t] + i) * kWidth], embedded[word++], kWidth * sizeof(float));

  std::vector<size_t> computed;
  for (size_t layer = 0; layer < kWindowLayers; ++layer) {
    computed.clear();
    for (size_t t = 0; t < lengths.size(); ++t)
      for (size_t row = begins[t] - kReach[layer]; row < begins[t] + lengths[t] + kReach[layer]; ++row) computed.push_back(row);
    if (layer == 0)
      for (size_t row = 0; row < rows; ++row) std::copy(blank_.begin(), blank_.end(), &out[row * kWidth]);
    window(layers_[1 + layer], in, computed, out);
    in.swap(out);
  }

  std::vector<float> vectors(embedded.size() * kWidth);
  float* to = vectors.data();
  for (size_t t = 0; t < lengths.size(); ++t)
    to = std::copy_n(&in[begins[t] * kWidth], lengths[t] * kWidth, to);  // unlike memcpy's, `to` may be null: no words at all
  return vectors;
}

}  // namespace fsc::detail
