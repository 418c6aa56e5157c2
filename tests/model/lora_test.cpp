// LoRA against the official layers: features, gradients, first values; which modules get it, and what merging gives.
#include "fsc/model/lora.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/generated/variable_factories.h>

#include <cmath>
#include <set>

#include "fsc/core/error.h"
#include "fsc/model/towers.h"
#include "support/expect_error.h"
#include "support/fill.h"
#include "support/golden.h"
#include "support/text_rows.h"

namespace fsc {
namespace {

using torch::Tensor;

ArchConfig tiny() { return ArchConfig::load(FSC_TEST_DATA "/models/tiny-quickgelu.json"); }

LoraConfig rank(int64_t r) {
  LoraConfig config;
  config.rank = r;
  return config;
}

Tensor images() { return test::fill_signed("input.images", {3, 3, 32, 32}, 2.0); }
Tensor ids() {
  return torch::cat({test::fill_token_rows("input.ids", 3), test::fill_token_rows("input.ids.long", 1, 77, 512, 77, 1)});
}

/// The model of scripts/reference/make_lora.py.
ClipModel official_start(LoraConfig config = rank(2)) {
  ClipModel model(tiny());
  test::fill_model(*model);
  add_lora(*model, config, 1);
  const torch::NoGradGuard no_grad;
  for (auto& item : model->named_parameters())
    if (is_lora_parameter(item.key()))
      item.value().copy_(item.key().ends_with("lora_B") ? test::fill_signed(item.key(), item.value().sizes(), 0.2)
                                                        : test::fill_weight(item.key(), item.value().sizes()));
  return model;
}

/// A number that every feature and token has a part in.
Tensor some_loss(ClipModel model) {
  const auto image = model->encode_images(images(), true);
  const auto text = model->encode_texts(test::text_rows(ids()), true);
  const auto weighted = [](const Tensor& x, const char* name) {
    return (x * test::fill_signed(name, x.sizes()).to(x.scalar_type())).to(torch::kFloat32).sum();
  };
  return weighted(image.features_BD, "w.1") + weighted(text.features_RD, "w.2") + 0.1 * weighted(image.tokens_BPD, "w.3") +
         0.1 * weighted(text.tokens_VD, "w.4");
}

std::map<std::string, Tensor> gradients(ClipModel model) {
  std::map<std::string, Tensor> found;
  for (auto& item : model->named_parameters()) {
    if (item.value().grad().defined()) found[item.key()] = item.value().grad().clone();
    item.value().mutable_grad() = Tensor();
  }
  return found;
}

TEST(Lora, FeaturesAreTheOfficialOnes) {
  const auto golden = test::read_golden("lora.safetensors");
  ClipModel model = official_start();
  for (const bool with_graph : {true, false}) {
    const torch::AutoGradMode mode(with_graph);
    EXPECT_TRUE(torch::allclose(model->encode_images(images()).features_BD, golden.at("image_features"), 0, 1e-6)) << with_graph;
    EXPECT_TRUE(torch::allclose(model->encode_texts(test::text_rows(ids())).features_RD, golden.at("text_features"), 0, 1e-6))
        << with_graph;
  }
}

TEST(Lora, TrainsTheOfficialTensorsAndNoOther) {
  const auto golden = test::read_golden("lora.safetensors");
  std::set<std::string> official;
  for (const auto& [key, value] : golden)
    if (key.starts_with("grad/")) official.insert(key.substr(5));
  ClipModel model = official_start();
  EXPECT_EQ(test::trained_names(*model), official);
  some_loss(model).backward();
  for (const auto& [name, gradient] : gradients(model))
    EXPECT_TRUE(official.erase(name)) << name << " is frozen, but has a gradient";
  EXPECT_TRUE(official.empty()) << "without a gradient: " << *official.begin();
  int64_t numbers = 0;
  const StateDict branches = lora_state(*model);
  for (const auto& [name, tensor] : branches.entries()) numbers += tensor.numel();
  EXPECT_EQ(trained_parameter_count(*model), numbers);
}

TEST(Lora, FirstValuesFollowTheOfficialLaws) {
  const auto golden = test::read_golden("lora.safetensors");
  ClipModel model(tiny()), zero(tiny());
  for (auto* m : {&model, &zero}) (*m)->initialize(3);
  add_lora(*model, rank(2), 3);
  LoraConfig from_base = rank(2);
  from_base.init = LoraInit::kZero;
  add_lora(*zero, from_base, 3);
  const auto at_zero = zero->named_parameters();
  const StateDict branches = lora_state(*model);
  for (const auto& [name, value] : branches.entries()) {
    const double mine = value.abs().max().item<double>(), official = golden.at("init/" + name).item<double>();
    EXPECT_NEAR(mine, official, 0.1 * official) << name;
    if (name.ends_with("lora_A"))
      EXPECT_TRUE(torch::equal(at_zero[name], value)) << name;
    else
      EXPECT_EQ(at_zero[name].abs().max().item<double>(), 0.0) << name;
  }
  ClipModel base(tiny());
  base->initialize(3);
  const torch::NoGradGuard no_grad;
  const Tensor plain = base->encode_images(images()).features_BD;
  EXPECT_TRUE(torch::equal(zero->encode_images(images()).features_BD, plain));
  EXPECT_FALSE(torch::allclose(model->encode_images(images()).features_BD, plain, 0, 1e-4))
      << "the reference's start is not the base";
}

TEST(Lora, FirstValuesDependOnTheSeedOnly) {
  const auto values = [](uint64_t seed, const std::vector<std::string>& targets) {
    ClipModel model(tiny());
    LoraConfig config = rank(2);
    config.targets = targets;
    add_lora(*model, config, seed);
    return lora_state(*model).find("visual.transformer.resblocks.1.mlp.c_fc.lora_A")->clone();
  };
  EXPECT_TRUE(torch::equal(values(5, {"linear"}), values(5, {"image.c_fc", "attention"})));
  EXPECT_FALSE(torch::equal(values(5, {"linear"}), values(6, {"linear"})));
}

/// The gradient of LoRA's own graph, which runs norms and activations again, against autograd through merged weights.
TEST(Lora, GradientsEqualThoseOfThePlainFormula) {
  ClipModel model = official_start();
  some_loss(model).backward();
  const auto ours = gradients(model);

  ClipModel merged = official_start();
  const StateDict branches = lora_state(*merged);
  merge_lora(*merged);
  some_loss(merged).backward();
  const auto full = gradients(merged);
  EXPECT_EQ(branches.size(), 2u * 17);
  for (const auto& [name, value] : branches.entries()) {
    if (!name.ends_with("lora_A")) continue;
    const std::string stem = name.substr(0, name.size() - 6);  // "….mlp.c_fc." or "….attn.in_proj_weight_"
    const std::string weight = stem.ends_with("_weight_") ? stem.substr(0, stem.size() - 1) : stem + "weight";
    const Tensor A = value, B = *branches.find(stem + "lora_B");
    const Tensor at_weight = full.at(weight).reshape({B.size(0), A.size(1)}) * 0.5;  // alpha / rank
    const auto near = [&](const Tensor& got, const Tensor& want, const std::string& what) {
      EXPECT_LE((got - want).norm().item<double>(), 2e-5 * want.norm().item<double>()) << what;
    };
    near(ours.at(stem + "lora_A"), B.t().matmul(at_weight), stem + "lora_A");
    near(ours.at(stem + "lora_B"), at_weight.matmul(A.t()), stem + "lora_B");
  }
}

TEST(Lora, MergedIsThePlainModelWithTheSameFeatures) {
  ClipModel branched = official_start();
  ClipModel merged = official_start();
  merge_lora(*merged);
  EXPECT_EQ(lora_state(*merged).size(), 0u);
  EXPECT_EQ(state_dict(*merged).size(), state_dict(*ClipModel(tiny())).size());
  EXPECT_EQ(trained_parameter_count(*merged), merged->parameter_count());
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(
      torch::allclose(merged->encode_images(images()).features_BD, branched->encode_images(images()).features_BD, 0, 2e-6));
  EXPECT_TRUE(torch::allclose(merged->encode_texts(test::text_rows(ids())).features_RD,
                              branched->encode_texts(test::text_rows(ids())).features_RD, 0, 2e-6));

  ClipModel half = official_start(), none = official_start();
  merge_lora(*half, 0.5), merge_lora(*none, 0.0);
  ClipModel base(tiny());
  test::fill_model(*base);
  const auto in_base = state_dict(*base), in_half = state_dict(*half), in_none = state_dict(*none),
             in_merged = state_dict(*merged);
  for (const auto& [name, value] : in_base.entries()) {
    EXPECT_TRUE(torch::equal(*in_none.find(name), value)) << name;
    EXPECT_TRUE(torch::allclose(*in_half.find(name), 0.5 * (value + *in_merged.find(name)), 0, 1e-6)) << name;
  }
}

TEST(Lora, GradientCheckpointingAndDropoutDrawTheSame) {
  LoraConfig config = rank(2);
  config.dropout = 0.3;
  const auto run = [&](bool checkpointing, uint64_t seed) {
    ClipModel model = official_start(config);
    model->train();
    model->set_grad_checkpointing(checkpointing, checkpointing);
    torch::manual_seed(seed);
    some_loss(model).backward();
    auto found = gradients(model);
    found["next draw"] = torch::rand({3});
    return found;
  };
  const auto plain = run(false, 9), again = run(false, 9), recomputed = run(true, 9), other = run(false, 10);
  for (const auto& [name, gradient] : plain) {
    EXPECT_TRUE(torch::equal(gradient, again.at(name))) << name;
    EXPECT_TRUE(torch::equal(gradient, recomputed.at(name))) << name;
  }
  EXPECT_FALSE(
      torch::equal(plain.at("transformer.resblocks.0.mlp.c_fc.lora_A"), other.at("transformer.resblocks.0.mlp.c_fc.lora_A")));

  ClipModel asleep = official_start(config);
  asleep->eval();
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::equal(asleep->encode_images(images()).features_BD, official_start()->encode_images(images()).features_BD));
}

TEST(Lora, LowerPrecisionStaysNear) {
  ClipModel exact = official_start(), autocast = official_start(), half = official_start();
  half->to(torch::kBFloat16);
  some_loss(exact).backward();
  {
    at::autocast::set_autocast_enabled(at::kCPU, true);
    at::autocast::set_autocast_dtype(at::kCPU, torch::kBFloat16);
    const Tensor loss = some_loss(autocast);
    at::autocast::set_autocast_enabled(at::kCPU, false);
    at::autocast::clear_cache();
    loss.backward();
  }
  const auto image = half->encode_images(images().to(torch::kBFloat16), true);
  (image.features_BD.sum() + image.tokens_BPD.sum()).backward();
  const auto want = gradients(exact), got = gradients(autocast), low = gradients(half);
  EXPECT_FALSE(want.empty());
  for (const auto& [name, gradient] : want) {
    EXPECT_FALSE(torch::equal(got.at(name), gradient)) << name << ": autocast was off";
    EXPECT_EQ(got.at(name).scalar_type(), torch::kFloat32) << name;
    EXPECT_LE((got.at(name) - gradient).norm().item<double>(), 0.05 * gradient.norm().item<double>()) << name;
    EXPECT_EQ(low.count(name), name.starts_with("visual.") ? 1u : 0u) << name;
  }
}

TEST(Lora, DropoutsGradientIsThatOfItsMask) {
  // Finite differences with the same mask: the second run must drop what the first one did.
  LoraConfig config = rank(2);
  config.dropout = 0.5;
  ClipModel model = official_start(config);
  model->to(torch::kFloat64);
  const auto loss = [&] {
    torch::manual_seed(4);
    const auto text = model->encode_texts(test::text_rows(ids()));
    return (text.features_RD * test::fill_signed("w.2", text.features_RD.sizes()).to(torch::kFloat64)).sum();
  };
  loss().backward();
  auto found = gradients(model);
  const torch::NoGradGuard no_grad;
  for (const char* name : {"transformer.resblocks.0.attn.in_proj_weight_lora_A", "transformer.resblocks.1.mlp.c_proj.lora_B"}) {
    EXPECT_GT(std::abs(found.at(name).flatten()[0].item<double>()) + std::abs(found.at(name).flatten()[7].item<double>()), 1e-5)
        << name;
    Tensor flat = model->named_parameters()[name].flatten();
    for (int64_t i : {0, 7}) {
      const double before = flat[i].item<double>(), h = 1e-6;
      flat[i] = before + h;
      const double up = loss().item<double>();
      flat[i] = before - h;
      const double down = loss().item<double>();
      flat[i] = before;
      EXPECT_NEAR(found.at(name).flatten()[i].item<double>(), (up - down) / (2 * h), 1e-7) << name << " " << i;
    }
  }
}

TEST(Lora, TargetsNameModules) {
  const auto count = [](const std::vector<std::string>& targets) {
    ClipModel model(tiny());
    LoraConfig config = rank(2);
    config.targets = targets;
    add_lora(*model, config, 1);
    return test::trained_names(*model).size() / 2;
  };
  EXPECT_EQ(count({"linear", "attention", "conv1"}), 17u);
  EXPECT_EQ(count({"linear"}), 8u);
  EXPECT_EQ(count({"attention"}), 8u);
  EXPECT_EQ(count({"conv1"}), 1u);
  EXPECT_EQ(count({"image.attention", "text.linear"}), 8u);
  EXPECT_EQ(count({"c_fc", "out_proj"}), 8u);
  EXPECT_EQ(count({"image.in_proj"}), 2u);
  EXPECT_EQ(count({"resblocks.1.*"}), 8u);
  EXPECT_EQ(count({"visual.transformer.resblocks.0.mlp.c_fc"}), 1u);
}

/// What the modules say of themselves, against what their names tell.
TEST(Lora, KindsAndTowersAreThoseThatTheNamesTell) {
  for (const char* file : {"/models/tiny-quickgelu.json", "/models/tiny-siglip.json"}) {
    const auto names = [&](const std::vector<std::string>& targets) {
      ClipModel model(ArchConfig::load(FSC_TEST_DATA + std::string(file)));
      LoraConfig config = rank(2);
      config.targets = targets;
      add_lora(*model, config, 1);
      return test::trained_names(*model);
    };
    std::set<std::string> linear, attention, conv1, image, text;
    for (const auto& name : names({"linear", "attention", "conv1"})) {
      const bool patches = name.find("conv1") != std::string::npos || name.find("patch_embed") != std::string::npos;
      (patches ? conv1 : name.find("attn") != std::string::npos ? attention : linear).insert(name);
      (name.starts_with("visual.") ? image : text).insert(name);
    }
    EXPECT_EQ(names({"linear"}), linear) << file;
    EXPECT_EQ(names({"attention"}), attention) << file;
    EXPECT_EQ(names({"conv1"}), conv1) << file;
    EXPECT_EQ(names({"image.*"}), image) << file;
    EXPECT_EQ(names({"text.*"}), text) << file;
  }
}

TEST(Lora, TargetsThatFitNothingAreNamed) {
  ClipModel model(tiny());
  LoraConfig config = rank(2);
  for (const auto& [bad, meant] : std::map<std::string, std::string>{{"lineer", "linear"},
                                                                     {"c_fcc", "c_fc"},
                                                                     {"image.atention", "image.attention"},
                                                                     {"text.conv1", ""},
                                                                     {"resblocks.9.mlp.c_fc", ""}}) {
    config.targets = {"linear", bad};
    test::expect_error([&] { add_lora(*model, config, 1); }, ExitCode::kUsage, {"model.lora.targets", "'" + bad + "'", meant});
  }
  EXPECT_EQ(trained_parameter_count(*model), model->parameter_count()) << "nothing was frozen on the way";
}

TEST(Lora, LockedBlocksGetNone) {
  ClipModel model(tiny());
  lock_tower(*model, Tower::kImage, 1);
  add_lora(*model, rank(2), 1);
  for (const auto& name : test::trained_names(*model))
    EXPECT_TRUE(!name.starts_with("visual.") || name.starts_with("visual.transformer.resblocks.1.")) << name;
  EXPECT_EQ(test::trained_names(*model).size(), 2u * (4 + 8));

  ClipModel locked(tiny());
  lock_tower(*locked, Tower::kImage, 0), lock_tower(*locked, Tower::kText, 0);
  test::expect_error([&] { add_lora(*locked, rank(2), 1); }, ExitCode::kUsage, {"model.lock_image"});
}

TEST(Lora, StateGoesOutAndIn) {
  ClipModel from = official_start();
  StateDict state = lora_state(*from);
  EXPECT_EQ(state.metadata.at("lora_rank"), "2");
  EXPECT_EQ(state.metadata.at("lora_alpha"), "1");
  ClipModel same(tiny()), plain(tiny());
  for (auto* m : {&same, &plain}) test::fill_model(**m);
  add_lora(*same, rank(2), 8);
  load_lora_state(*same, state, "lora.safetensors");
  add_lora(*plain, state, "lora.safetensors");
  const torch::NoGradGuard no_grad;
  const Tensor want = from->encode_images(images()).features_BD;
  EXPECT_TRUE(torch::equal(same->encode_images(images()).features_BD, want));
  EXPECT_TRUE(torch::equal(plain->encode_images(images()).features_BD, want));
}

TEST(Lora, StateThatDoesNotFitIsRefusedWhole) {
  const StateDict good = lora_state(*official_start());
  const std::string victim = "visual.conv1.lora_B";
  const auto broken = [&](const std::function<void(StateDict&, const std::string&, const Tensor&)>& change) {
    StateDict state;
    state.metadata = good.metadata;
    for (const auto& [name, tensor] : good.entries())
      if (name == victim)
        change(state, name, tensor);
      else
        state.add(name, tensor);
    return state;
  };
  struct Case {
    StateDict state;
    std::string said;
  };
  std::vector<Case> cases;
  cases.push_back({broken([](StateDict&, const std::string&, const Tensor&) {}), victim + " is missing"});
  cases.push_back({broken([](StateDict& s, const std::string& n, const Tensor& t) { s.add(n, t.slice(0, 1)); }),
                   victim + " is Float [511, 16]"});
  cases.push_back({broken([](StateDict& s, const std::string& n, const Tensor& t) { s.add(n, t.to(torch::kInt64)); }), "Long"});
  cases.push_back(
      {broken([](StateDict& s, const std::string& n, const Tensor& t) { s.add(n, t.clone().fill_(std::nanf(""))); }), "NaN"});
  cases.push_back(
      {broken([](StateDict& s, const std::string& n, const Tensor& t) { s.add(n, t), s.add("visual.proj.lora_A", t); }),
       "visual.proj.lora_A"});
  for (const char* text : {"", "two", "0", "2.5", "-1", "1e9", "2 "}) {
    StateDict state = broken([](StateDict& s, const std::string& n, const Tensor& t) { s.add(n, t); });
    state.metadata["lora_rank"] = text;
    cases.push_back({std::move(state), "lora_rank"});
  }
  for (const auto& [state, said] : cases) {
    ClipModel plain(tiny()), model = official_start();
    const auto before = lora_state(*model);
    std::vector<Tensor> copies;
    for (const auto& [name, tensor] : before.entries()) copies.push_back(tensor.clone());
    test::expect_error([&, &s = state] { add_lora(*plain, s, "f.safetensors"); }, ExitCode::kFailed, {"f.safetensors", said});
    test::expect_error([&, &s = state] { load_lora_state(*model, s, "f.safetensors"); }, ExitCode::kFailed,
                       {"f.safetensors", said});
    EXPECT_EQ(lora_state(*plain).size(), 0u);
    for (size_t i = 0; i < copies.size(); ++i) EXPECT_TRUE(torch::equal(before.entries()[i].second, copies[i]));
  }
}

TEST(Lora, WorksOnSiglipsTowers) {
  const ArchConfig arch = ArchConfig::load(FSC_TEST_DATA "/models/tiny-siglip.json");
  ClipModel model(arch), merged(arch);
  for (auto* m : {&model, &merged}) {
    test::fill_model(**m);
    add_lora(**m, rank(2), 1);
    const torch::NoGradGuard no_grad;
    for (auto& item : (*m)->named_parameters())
      if (is_lora_parameter(item.key())) item.value().copy_(test::fill_signed(item.key(), item.value().sizes(), 0.2));
  }
  merge_lora(*merged);
  const Tensor pixels = test::fill_signed("siglip.images", {2, 3, arch.vision.image_size, arch.vision.image_size}, 2.0);
  const auto image = model->encode_images(pixels, true), image_merged = merged->encode_images(pixels, true);
  EXPECT_TRUE(torch::allclose(image.features_BD, image_merged.features_BD, 0, 5e-6));
  (image.features_BD.select(1, 0).sum() + image.tokens_BPD.sum()).backward();
  const auto found = gradients(model);
  for (const auto& name : test::trained_names(*model))
    EXPECT_EQ(found.count(name), name.starts_with("visual.") ? 1u : 0u) << name;
  EXPECT_TRUE(test::trained_names(*model).count("visual.trunk.blocks.0.attn.qkv.lora_A"));
  EXPECT_TRUE(test::trained_names(*model).count("visual.trunk.patch_embed.proj.lora_A"));
}

}  // namespace
}  // namespace fsc
