// fsc_bench: every kernel against its reference, as Google Benchmark's rows or as a table of ratios.
#include <benchmark/benchmark.h>
#include <torch/cuda.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/cases.h"

namespace fsc::bench {
namespace {

struct Options {
  bool ratios = false, list = false;
  std::string device = torch::cuda::is_available() ? "cuda" : "cpu", filter;
  double seconds = 1;
};

int print_ratios(const std::vector<Case>& cases, torch::Device device, double seconds) {
  const Peaks peaks = measure_peaks(device);
  std::printf("kernels: %s; copy %.1f GB/s; products fp32 %.0f, tf32 %.0f, bf16 %.0f, fp16 %.0f GFLOP/s\n",
              device.is_cuda() ? "cuda" : cpu_instruction_set().c_str(), peaks.bytes_per_second / 1e9, peaks.flops_fp32 / 1e9,
              peaks.flops_tf32 / 1e9, peaks.flops_bf16 / 1e9, peaks.flops_fp16 / 1e9);
  print_head();
  for (const Case& c : cases) print_line(c, compare(c, device, seconds), peaks);
  return 0;
}

void run_case(benchmark::State& state, const Case& c, Kernels kernels, torch::Device device) {
  const UseKernels use(kernels);
  const Work work = c.make(kernels);
  work();
  const auto temporary = static_cast<double>(temporary_bytes(work, device));
  for (auto _ : state) {
    benchmark::DoNotOptimize(work());
    synchronize(device);
  }
  using benchmark::Counter;
  state.counters["bytes/s"] = Counter(c.bytes, Counter::kIsIterationInvariantRate, Counter::kIs1000);
  state.counters["FLOP/s"] = Counter(c.flops, Counter::kIsIterationInvariantRate, Counter::kIs1000);
  state.counters["FLOP/byte"] = c.bytes > 0 ? c.flops / c.bytes : 0;
  state.counters["temporary"] = Counter(temporary, Counter::kDefaults, Counter::kIs1024);
}

void register_case(const Case& c, torch::Device device) {
  for (const Kernels kernels : {Kernels::kReference, Kernels::kFusedAlways}) {
    const char* side = kernels == Kernels::kReference ? "reference" : "fused";
    const std::string name = c.kernel + "/" + c.shape + "/" + c.dtype + "/" + side;
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { run_case(state, c, kernels, device); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
}

}  // namespace
}  // namespace fsc::bench

int main(int argc, char** argv) {
  using namespace fsc::bench;
  Options options;
  CLI::App app(
      "Measures forward and backward of every kernel and of its reference in ATen in one run: rows of Google Benchmark called "
      "kernel/shape/dtype/fused and /reference (its options --benchmark_... are understood, too), or a table of ratios.");
  app.add_flag(
      "--ratios", options.ratios,
      "a table: both times, their ratio, bytes and operations a second as shares of what this machine can, temporary memory");
  app.add_option("--device", options.device, "cuda where there is one")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  app.add_option("--filter", options.filter, "cases whose \"kernel shape dtype\" holds this text, such as alignment or B=64");
  app.add_option("--seconds", options.seconds, "of each line of the table")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_flag("--list", options.list, "names only");
  app.allow_extras();
  CLI11_PARSE(app, argc, argv);
  std::vector<std::string> rest = app.remaining();
  rest.insert(rest.begin(), argv[0]);
  count_cpu_memory();
  const torch::Device device(options.device);
  const std::vector<Case> cases = matching(all_cases(device), options.filter);
  if (options.list)
    for (const Case& c : cases) std::puts(c.name().c_str());
  if (options.list) return 0;
  if (options.ratios) return print_ratios(cases, device, options.seconds);
  for (const Case& c : cases) register_case(c, device);
  std::vector<char*> words;
  for (std::string& word : rest) words.push_back(word.data());
  int count = static_cast<int>(words.size());
  benchmark::Initialize(&count, words.data());
  if (benchmark::ReportUnrecognizedArguments(count, words.data())) return 2;
  benchmark::AddCustomContext("kernels", device.is_cuda() ? "cuda" : fsc::cpu_instruction_set());
  const Peaks peaks = measure_peaks(device);
  benchmark::AddCustomContext("copy bytes/s", std::to_string(peaks.bytes_per_second));
  for (const char* dtype : {"fp32", "tf32", "bf16", "fp16"})
    benchmark::AddCustomContext(std::string("product FLOP/s ") + dtype, std::to_string(peaks.flops(dtype)));
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
