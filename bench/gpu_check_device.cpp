// The part of scripts/gpu_check that runs on the device: six steps against the CPU's, every kernel, the whole step, in one table.
#include <torch/cuda.h>
#include <torch/utils.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "bench/cases.h"
#include "bench/synthetic_step.h"
#include "fsc/model/cost.h"

namespace fsc::bench {
namespace {

constexpr double kTolerance = 2e-4;
constexpr int kSteps = 6;

struct Options {
  torch::Device device = torch::kCUDA;
  double seconds = 0.3;                                    ///< of each line
  double limit = std::numeric_limits<double>::infinity();  ///< operations of the kernels' largest case
  std::string compiled, filter, list, architecture = "ViT-B-32";
  std::vector<int64_t> batches = {32, 256, 1024};
};

/// What did not hold, for the end of the report.
class Verdicts {
 public:
  void check(bool held, const std::string& what) {
    ++(held ? held_ : missed_);
    if (!held) std::printf("MISSED: %s\n", what.c_str());
  }
  int finish() const {
    std::printf("%d held, %d missed\n", held_, missed_);
    return missed_ == 0 ? 0 : 1;
  }

 private:
  int held_ = 0, missed_ = 0;
};

struct SixSteps {
  std::vector<double> losses;
  StateDict weights;
};

SixSteps six_steps(LossName loss, Kernels kernels, Packing packing, torch::Device device) {
  const UseKernels use(kernels);
  SyntheticStep step({.arch = tiny_architecture(), .loss = loss, .images = 16, .lr = 1e-3, .packing = packing, .device = device});
  SixSteps steps;
  for (int i = 0; i < kSteps; ++i) steps.losses.push_back(step.run().item<double>());
  steps.weights = step.weights();
  return steps;
}

/// The larger of both; NaN is larger than anything.
void raise(double& largest, double value) {
  if (!std::isnan(largest) && !(value <= largest)) largest = value;
}

/// The device's kernels against the CPU's reference, float32 without TF32: losses relative, weights absolute.
void compare_six_steps(torch::Device device, Verdicts& verdicts) {
  const Tf32 off(false);
  for (const LossName loss : {LossName::kFsc, LossName::kClip, LossName::kSiglip}) {
    const SixSteps reference = six_steps(loss, Kernels::kReference, Packing::kPadded, torch::kCPU);
    const SixSteps here = six_steps(loss, Kernels::kFusedAlways, Packing::kShared, device);
    double losses = 0, weights = 0;
    for (size_t i = 0; i < reference.losses.size(); ++i)
      raise(losses, std::abs(here.losses[i] - reference.losses[i]) / std::abs(reference.losses[i]));
    for (const auto& [name, value] : reference.weights.entries())
      raise(weights, (*here.weights.find(name) - value).abs().max().item<double>());
    std::printf("six steps, loss %-6s  largest difference: losses %.1e, weights %.1e (allowed %.0e)\n",
                config::enum_name(loss).c_str(), losses, weights, kTolerance);
    verdicts.check(losses <= kTolerance && weights <= kTolerance, "six steps with loss " + config::enum_name(loss));
  }
}

/// Lines "name<TAB>seconds" as bench/torch_compiled.py writes them.
std::map<std::string, double> read_compiled(const std::string& path) {
  std::map<std::string, double> seconds;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (const size_t tab = line.find('\t'); tab != std::string::npos)
      seconds[line.substr(0, tab)] = std::atof(line.c_str() + tab);
  return seconds;
}

std::optional<double> find(const std::map<std::string, double>& seconds, const std::string& name) {
  const auto found = seconds.find(name);
  return found == seconds.end() ? std::nullopt : std::optional(found->second);
}

/// The whole step: padded texts and ATen's operations against packed texts and the kernels.
Case step_case(const Options& options, int64_t images, const std::string& dtype) {
  const ArchConfig arch = ArchConfig::load(options.architecture);
  const Precision precision = dtype == "bf16" ? Precision::kAmpBf16 : Precision::kFp32;
  Case c{.kernel = "whole step", .shape = "B=" + std::to_string(images) + " N=3 " + arch.name, .dtype = dtype};
  const TextRows texts = pack(captions_and_negatives(images, 3, arch.text.vocab_size, 3), Packing::kShared);
  c.flops = 2 * 3 * forward_work(arch, static_cast<double>(images), static_cast<double>(texts.tokens()));
  c.make = [=](Kernels kernels) -> Work {
    const auto step =
        std::make_shared<SyntheticStep>(StepSetup{.arch = arch,
                                                  .images = images,
                                                  .precision = precision,
                                                  .packing = kernels == Kernels::kReference ? Packing::kPadded : Packing::kShared,
                                                  .device = options.device});
    return [step]() -> std::vector<torch::Tensor> { return {step->run()}; };
  };
  return c;
}

void measure(const Case& c, const Options& options, const Peaks& peaks, const std::map<std::string, double>& compiled,
             Verdicts& verdicts) {
  const Comparison result = compare(c, options.device, options.seconds);
  const auto other = find(compiled, c.name());
  print_line(c, result, peaks, other);
  if (c.must <= 0) return;
  char text[200];
  std::snprintf(text, sizeof text, "%s: %.2f times the reference's speed, it must reach %.1f", c.name().c_str(), result.ratio(),
                c.must);
  const bool beats_reference = result.fused.seconds > 0 && (result.reference.seconds == 0 || result.ratio() >= c.must);
  verdicts.check(beats_reference, text);
  if (!other || result.fused.seconds == 0) return;
  std::snprintf(text, sizeof text, "%s: %.2f times torch.compile's speed, it must reach %.1f", c.name().c_str(),
                *other / result.fused.seconds, c.must);
  verdicts.check(*other / result.fused.seconds >= c.must, text);
}

std::vector<Case> kernel_cases(const Options& options) {
  auto cases = matching(all_cases(options.device), options.filter);
  std::erase_if(cases, [&](const Case& c) { return c.flops > options.limit; });
  return cases;
}

/// By the precision of float32's products: a case of a step is measured under its own.
std::vector<Case> step_cases(const Options& options) {
  std::vector<Case> cases;
  for (const std::string dtype : {"fp32", "tf32", "bf16"})
    for (const int64_t images : options.batches)
      if (dtype != "tf32" || options.device.is_cuda()) cases.push_back(step_case(options, images, dtype));
  return cases;
}

int list(const Options& options) {
  std::ofstream file(options.list);
  for (const auto& cases : {kernel_cases(options), step_cases(options)})
    for (const Case& c : cases) file << c.name() << '\n';
  return file.good() ? 0 : 1;
}

int run(const Options& options) {
  Verdicts verdicts;
  compare_six_steps(options.device, verdicts);
  const auto compiled = read_compiled(options.compiled);
  const Peaks peaks = measure_peaks(options.device);
  std::printf("measured peaks: copy %.0f GB/s; products fp32 %.1f, tf32 %.1f, bf16 %.1f, fp16 %.1f TFLOP/s\n",
              peaks.bytes_per_second / 1e9, peaks.flops_fp32 / 1e12, peaks.flops_tf32 / 1e12, peaks.flops_bf16 / 1e12,
              peaks.flops_fp16 / 1e12);
  print_head();
  for (const auto& cases : {kernel_cases(options), step_cases(options)}) {
    for (const Case& c : cases) {
      const Tf32 tf32(c.dtype == "tf32");
      measure(c, options, peaks, compiled, verdicts);
    }
  }
  return verdicts.finish();
}

}  // namespace
}  // namespace fsc::bench

int main(int argc, char** argv) {
  using namespace fsc::bench;
  Options options;
  std::string device = "cuda";
  CLI::App app("Six steps against the CPU's, every kernel and the whole step against ATen's operations and torch.compile.");
  app.add_option("--device", device)->check(CLI::IsMember({"cpu", "cuda"}))->capture_default_str();
  app.add_option("--seconds", options.seconds, "of each line of the table")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--filter", options.filter, "kernels whose \"kernel shape dtype\" holds this text");
  app.add_option("--limit", options.limit, "operations of the largest case of a kernel");
  app.add_option("--batches", options.batches, "images of the whole step")->delimiter(',')->check(CLI::PositiveNumber);
  app.add_option("--arch", options.architecture)->capture_default_str();
  app.add_option("--compiled", options.compiled, "what bench/torch_compiled.py wrote, if it did");
  app.add_option("--list", options.list, "only writes the names of all cases into this file");
  CLI11_PARSE(app, argc, argv);
  options.device = torch::Device(device);
  count_cpu_memory();
  try {
    return options.list.empty() ? run(options) : list(options);
  } catch (const c10::Error& error) {
    std::fprintf(stderr, "gpu_check_device: %s\n", error.what_without_backtrace());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gpu_check_device: %s\n", error.what());
    return 1;
  }
}
