// Learner::step against the official code's 20-step curve, and what a step does when the numbers go wrong.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "fsc/train/trainer.h"
#include "support/fill.h"
#include "support/golden.h"
#include "support/text_rows.h"

namespace fsc {
namespace {

constexpr int64_t kB = 4, kN = 2;

/// Batch of step k, as scripts/reference/make_curve.py makes it.
Batch curve_batch(int64_t step) {
  const std::string k = std::to_string(step);
  const test::Stream64 mask("curve.mask." + k);
  const auto all_ids = test::fill_token_rows("curve.ids." + k, (1 + kN) * kB);
  Batch batch;
  batch.images = test::fill_signed("curve.images." + k, {kB, 3, 32, 32}, 2.0);
  torch::Tensor negatives = torch::full({kB, kN}, -1, torch::kInt64);
  std::vector<torch::Tensor> rows;
  std::vector<int64_t> owner;
  for (int64_t b = 0; b < kB; ++b)
    rows.push_back(all_ids[b]), owner.push_back(b), batch.keys.push_back("image " + std::to_string(b));
  for (int64_t n = 0; n < kN; ++n) {
    for (int64_t b = 0; b < kB; ++b) {
      if (mask.uniform(n * kB + b) >= 0.7 && !(n == 0 && b == step % kB)) continue;
      negatives[b][n] = static_cast<int64_t>(rows.size());
      rows.push_back(all_ids[kB + n * kB + b]);
      owner.push_back(b);
    }
  }
  batch.texts = test::text_rows(torch::stack(rows));
  batch.roles.owner_R = torch::tensor(owner);
  batch.roles.add(kCaptions, torch::arange(kB).unsqueeze(1));
  batch.roles.add(kNegatives, negatives);
  return batch;
}

OptimConfig curve_optim() {
  OptimConfig optim;
  optim.lr = 1e-3;
  optim.warmup_steps = 5;
  return optim;
}

Learner make_learner(Precision precision = Precision::kFp32, const LossConfig& loss = {}) {
  Learner learner;
  learner.model = ClipModel(ArchConfig::load(FSC_TEST_DATA "/models/tiny-quickgelu.json"));
  test::fill_model(*learner.model);
  learner.objective = make_objective(loss);
  learner.needs = needs_of(learner.objective);
  learner.precision = precision;
  NamedParameters parameters;
  for (const auto& item : learner.model->named_parameters()) parameters.emplace_back(item.key(), item.value());
  learner.optimizer = std::make_unique<AdamW>(parameters, curve_optim());
  learner.scaler = std::make_unique<GradScaler>(false, torch::kCPU);
  return learner;
}

double term(const StepReport& report, const std::string& name) {
  for (const auto& [key, value] : report.losses.terms)
    if (key == name) return value.item<double>();
  ADD_FAILURE() << "no term " << name;
  return 0;
}

/// The key bias of attention has no gradient in theory (a softmax ignores what is added to all its inputs): AdamW makes full
/// steps of its rounding noise, so the middle third of in_proj_bias is left out.
torch::Tensor without_key_bias(const std::string& name, const torch::Tensor& value) {
  if (name.find("in_proj_bias") == std::string::npos) return value;
  const auto parts = value.detach().chunk(3);
  return torch::cat({parts[0], parts[2]});
}

TEST(Step, FollowsTheOfficialCurve) {
  const auto golden = test::read_golden_json("curve.json");
  Learner learner = make_learner();
  for (int64_t k = 0; k < 20; ++k) {
    const auto& expected = golden["steps"][k];
    const StepReport report = learner.step(curve_batch(k), learning_rate(curve_optim(), k, 20));
    EXPECT_NEAR(learning_rate(curve_optim(), k, 20), expected["lr"].get<double>(), 1e-15);
    EXPECT_NEAR(std::exp(report.logit_scale.item<double>()), expected["scale"].get<double>(), 1e-5);
    for (const std::string name : {"clip_loss", "global_hn_loss", "local_hn_loss"}) {
      const double want = expected[name];
      EXPECT_NEAR(term(report, name), want, 2e-6 * (1 + std::abs(want))) << name << " at step " << k;
    }
    EXPECT_NEAR(report.losses.total.item<double>(), expected["loss"].get<double>(), 5e-6) << "step " << k;
    EXPECT_NEAR(learner.model->logit_scale.item<double>(), expected["logit_scale"].get<double>(), 1e-6);
  }
  for (const auto& item : learner.model->named_parameters()) {
    const auto& expected = golden["final"][item.key()];
    if (item.key().find("in_proj_bias") != std::string::npos) continue;  // its mean counts the key bias
    EXPECT_NEAR(item.value().to(torch::kDouble).abs().mean().item<double>(), expected["mean_abs"].get<double>(), 2e-6)
        << item.key();
    const auto values = item.value().detach().flatten();
    for (int64_t i = 0; i < std::min<int64_t>(4, values.numel()); ++i)
      EXPECT_NEAR(values[i].item<double>(), expected["first4"][i].get<double>(), 2e-5) << item.key() << " element " << i;
  }
}

TEST(Step, FirstGradientAndFirstUpdateAreTheOfficialOnes) {
  const auto golden = test::read_golden_json("curve.json");
  Learner learner = make_learner();
  learner.step(curve_batch(0), learning_rate(curve_optim(), 0, 20));
  for (const auto& item : learner.model->named_parameters()) {
    const auto& gradient = golden["first_gradient"][item.key()];
    const auto& weights = golden["after_first_step"][item.key()];
    const double norm = gradient["norm"];
    EXPECT_NEAR(item.value().grad().to(torch::kDouble).norm().item<double>(), norm, 1e-5 * norm + 1e-8) << item.key();
    const auto grads = item.value().grad().flatten();
    const auto values = item.value().detach().flatten();
    for (int64_t i = 0; i < std::min<int64_t>(4, grads.numel()); ++i) {
      EXPECT_NEAR(grads[i].item<double>(), gradient["first4"][i].get<double>(), 2e-6 * (1 + norm))
          << item.key() << " element " << i;
      EXPECT_NEAR(values[i].item<double>(), weights["first4"][i].get<double>(), 1e-6) << item.key() << " element " << i;
    }
  }
}

/// How far bfloat16 may take each term, relative to the term itself.
const std::map<std::string, double> kBf16Tolerance = {{"clip_loss", 0.02}, {"global_hn_loss", 0.02}, {"local_hn_loss", 0.02}};

TEST(Step, AutocastStaysNearFloat32) {
  Learner exact = make_learner(), fast = make_learner(Precision::kAmpBf16);
  for (int64_t k = 0; k < 3; ++k) {
    const auto a = exact.step(curve_batch(k), 1e-4), b = fast.step(curve_batch(k), 1e-4);
    for (const auto& [name, tolerance] : kBf16Tolerance) {
      EXPECT_NEAR(term(b, name) / term(a, name), 1, tolerance) << name << " at step " << k;
      EXPECT_NE(term(b, name), term(a, name)) << name << ": autocast was off";
    }
  }
  EXPECT_EQ(fast.model->logit_scale.scalar_type(), torch::kFloat32);
}

TEST(Step, Bf16WeightsTrain) {
  Learner learner = make_learner(Precision::kBf16);
  learner.model->to(torch::kBFloat16);
  NamedParameters parameters;
  for (const auto& item : learner.model->named_parameters()) parameters.emplace_back(item.key(), item.value());
  learner.optimizer = std::make_unique<AdamW>(parameters, curve_optim());
  const double before = learner.step(curve_batch(0), 1e-3).losses.total.item<double>();
  double after = 0;
  for (int i = 0; i < 5; ++i) after = learner.step(curve_batch(0), 1e-3).losses.total.item<double>();
  EXPECT_LT(after, before);
}

/// A copy of all weights.
std::vector<torch::Tensor> copies(const Learner& learner) {
  std::vector<torch::Tensor> all;
  for (const auto& p : learner.model->parameters()) all.push_back(p.detach().clone());
  return all;
}

bool equal(const std::vector<torch::Tensor>& a, const std::vector<torch::Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (!torch::equal(a[i], b[i])) return false;
  return a.size() == b.size();
}

/// fp16 with its loss scale, at once and in parts: steps that overflow lower the scale and leave the weights alone, until one
/// does not; then it is float32's step, nearly.
TEST(Step, Fp16TrainsWithItsLossScale) {
  const double lr = 1e-3;
  const StepReport exact = make_learner().step(curve_batch(0), lr);
  for (const int64_t parts : {1, 2}) {
    Learner learner = make_learner(Precision::kAmp);
    learner.accum_freq = parts;
    learner.scaler = std::make_unique<GradScaler>(true, torch::kCPU);
    const auto start = copies(learner);
    StepReport report;
    double scale = 65536;
    for (int tries = 0; tries < 16; ++tries) {
      report = learner.step(curve_batch(0), lr);
      if (report.verdict.skipped.item<double>() == 0) break;
      scale /= 2;
      EXPECT_TRUE(equal(copies(learner), start));
      EXPECT_EQ(learner.scaler->scale_tensor().item<double>(), scale);
    }
    ASSERT_EQ(report.verdict.skipped.item<double>(), 0.0);
    EXPECT_FALSE(equal(copies(learner), start));
    EXPECT_EQ(learner.scaler->scale_tensor().item<double>(), scale);
    EXPECT_NEAR(report.losses.total.item<double>() / exact.losses.total.item<double>(), 1, 0.01);
    EXPECT_NE(report.losses.total.item<double>(), exact.losses.total.item<double>()) << "autocast was off";
    EXPECT_NEAR(report.verdict.grad_norm.item<double>() / exact.verdict.grad_norm.item<double>(), 1, 0.05) << "unscaled";
    const double before = report.losses.total.item<double>();
    for (int i = 0; i < 5; ++i) report = learner.step(curve_batch(0), lr);
    EXPECT_LT(report.losses.total.item<double>(), before);
  }
}

TEST(Step, BytesAreNormalisedOnTheirWayIn) {
  Batch bytes = curve_batch(0);
  bytes.images = ((bytes.images + 2) * 60).to(torch::kUInt8);
  for (const int64_t parts : {1, 3}) {
    Learner a = make_learner(), b = make_learner();
    for (Learner* learner : {&a, &b}) {
      learner->accum_freq = parts;
      learner->preprocess.mean = {0.4, 0.5, 0.6};
    }
    Batch floats = bytes;
    floats.images = to_model_input(bytes.images, a.preprocess);
    floats.text_parts = in_parts(floats.texts, parts);  // made ahead or by the step
    a.step(bytes, 1e-3), b.step(floats, 1e-3);
    EXPECT_TRUE(equal(copies(a), copies(b)));
  }
}

TEST(Step, GradientCheckpointingChangesNothing) {
  Learner plain = make_learner(), saving = make_learner();
  plain.model->train();
  saving.model->train();
  saving.model->set_grad_checkpointing(true, true);
  for (int64_t k = 0; k < 2; ++k) plain.step(curve_batch(k), 1e-3), saving.step(curve_batch(k), 1e-3);
  const auto a = plain.model->named_parameters(), b = saving.model->named_parameters();
  for (const auto& item : a) EXPECT_TRUE(torch::equal(item.value(), b[item.key()])) << item.key();
}

/// Gradients and loss of one step in `parts` parts, against the whole batch at once.
void expect_parts_equal_whole(const LossConfig& loss, Batch batch, int64_t parts, Precision precision, double tolerance) {
  Learner whole = make_learner(precision, loss), split = make_learner(precision, loss);
  split.accum_freq = parts;
  const StepReport a = whole.step(batch, 0.0), b = split.step(batch, 0.0);
  EXPECT_NEAR(a.losses.total.item<double>(), b.losses.total.item<double>(), tolerance);
  ASSERT_EQ(a.losses.terms.size(), b.losses.terms.size());
  for (size_t i = 0; i < a.losses.terms.size(); ++i)
    EXPECT_NEAR(a.losses.terms[i].second.item<double>(), b.losses.terms[i].second.item<double>(), tolerance)
        << a.losses.terms[i].first;
  EXPECT_NEAR(a.verdict.grad_norm.item<double>(), b.verdict.grad_norm.item<double>(),
              tolerance * a.verdict.grad_norm.item<double>());
  const auto split_parameters = split.model->named_parameters();
  for (const auto& item : whole.model->named_parameters()) {
    const auto want = item.value().grad().to(torch::kDouble), got = split_parameters[item.key()].grad().to(torch::kDouble);
    EXPECT_LE((got - want).norm().item<double>(), tolerance * (want.norm().item<double>() + 0.01)) << item.key();
  }
}

Batch without_negatives(Batch batch) {
  batch.texts = test::text_rows(test::rectangle(batch.texts).slice(0, 0, kB));
  batch.roles.owner_R = batch.roles.owner_R.slice(0, 0, kB);
  batch.roles = batch.roles.with(kNegatives, batch.roles.negatives_BN().slice(1, 0, 0));
  return batch;
}

TEST(Step, AccumulationEqualsTheBigBatch) {
  LossConfig fsc, softmax, negclip, clip;
  softmax.similarity_normalizer = SimilarityNormalizer::kSoftmax;
  negclip.name = clip.name = LossName::kClip;
  for (const int64_t parts : {2, 3, 4}) {
    for (const auto& loss : {fsc, softmax, negclip})
      expect_parts_equal_whole(loss, curve_batch(parts), parts, Precision::kFp32, 6e-6);
    expect_parts_equal_whole(clip, without_negatives(curve_batch(parts)), parts, Precision::kFp32, 6e-6);
  }
  expect_parts_equal_whole(fsc, curve_batch(0), 2, Precision::kAmpBf16, 5e-2);  // sums of bfloat16 products in another order
}

TEST(Step, AccumulationWithGradientCheckpointing) {
  Learner plain = make_learner(), saving = make_learner();
  for (Learner* learner : {&plain, &saving}) learner->accum_freq = 2;
  saving.model->set_grad_checkpointing(/*image=*/true, /*text=*/false);
  for (int64_t k = 0; k < 2; ++k) plain.step(curve_batch(k), 1e-3), saving.step(curve_batch(k), 1e-3);
  const auto a = plain.model->named_parameters(), b = saving.model->named_parameters();
  for (const auto& item : a) EXPECT_TRUE(torch::equal(item.value(), b[item.key()])) << item.key();
}

TEST(Step, NonFiniteGradientLeavesTheWeightsAlone) {
  Learner learner = make_learner();
  learner.step(curve_batch(0), 1e-3);
  const auto before = copies(learner);
  Batch bad = curve_batch(1);
  bad.images[2][0][5][5] = std::nanf("");
  const StepReport report = learner.step(bad, 1e-3);
  EXPECT_EQ(report.verdict.skipped.item<double>(), 1.0);
  EXPECT_FALSE(std::isfinite(report.verdict.grad_norm.item<double>()));
  EXPECT_TRUE(equal(copies(learner), before));
  EXPECT_EQ(learner.step(curve_batch(1), 1e-3).verdict.skipped.item<double>(), 0.0);  // and the next step is a step again
}

/// log(scale) after each of `steps` steps with lr 0.5 that want a larger (sign -1) or a smaller scale.
std::vector<double> pushed(double start, double sign, int steps) {
  Learner learner = make_learner();
  learner.objective = {{.name = "wish", .loss = [sign](const Features& features) { return sign * features.scale; }}};
  {
    torch::NoGradGuard no_grad;
    learner.model->logit_scale.fill_(start);
  }
  std::vector<double> found;
  for (int k = 0; k < steps; ++k) {
    learner.step(curve_batch(k), 0.5);
    found.push_back(learner.model->logit_scale.item<double>());
  }
  return found;
}

TEST(Step, ClampsTheLogitScale) {
  const double most = std::log(100.0F);
  EXPECT_NEAR(pushed(2.0, -1, 1)[0], 2.5, 1e-4) << "the gradient raises it";
  EXPECT_NEAR(pushed(2.0, 1, 1)[0], 1.5, 1e-4) << "or lowers it";
  for (const double at : pushed(most - 0.1, -1, 3)) EXPECT_NEAR(at, most, 1e-6);
  for (const double at : pushed(0.1, 1, 3)) EXPECT_EQ(at, 0.0);
}

TEST(Step, ClipModeMakesNoTokens) {
  LossConfig loss;
  loss.name = LossName::kClip;
  Learner learner = make_learner(Precision::kFp32, loss);
  EXPECT_FALSE(learner.needs.tokens);
  const auto report = learner.step(curve_batch(0), 1e-3);
  ASSERT_EQ(report.losses.terms.size(), 1u);
  EXPECT_EQ(report.losses.terms[0].first, "clip_loss");
  EXPECT_DOUBLE_EQ(report.losses.terms[0].second.item<double>(), report.losses.total.item<double>());
}

TEST(Step, SharedPrefixesChangeNothing) {
  Learner a = make_learner(), b = make_learner();
  Batch shared = curve_batch(0), apart = shared;
  torch::Tensor ids_RT = test::rectangle(shared.texts);
  for (int64_t r = kB; r < ids_RT.size(0); ++r)  // negatives that begin as their caption, one that equals it
    ids_RT[r].narrow(0, 0, 4 + r % 2).copy_(ids_RT[shared.roles.owner_R[r].item<int64_t>()].narrow(0, 0, 4 + r % 2));
  ids_RT[kB].copy_(ids_RT[0]);
  shared.texts = test::text_rows(ids_RT, true), apart.texts = test::text_rows(ids_RT, false);
  ASSERT_LT(shared.texts.tokens(), apart.texts.tokens() - 3 * kB);
  const auto ra = a.step(shared, 1e-3), rb = b.step(apart, 1e-3);
  EXPECT_NEAR(ra.losses.total.item<double>(), rb.losses.total.item<double>(), 1e-6);
  const auto pa = a.model->named_parameters(), pb = b.model->named_parameters();
  for (const auto& item : pa)
    EXPECT_TRUE(
        torch::allclose(without_key_bias(item.key(), item.value()), without_key_bias(item.key(), pb[item.key()]), 1e-4, 1e-5))
        << item.key();
}

}  // namespace
}  // namespace fsc
