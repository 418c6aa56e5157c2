// Times the loader without a model.
#include "fsc/train/bench_loader.h"

#include <sys/resource.h>

#include "fsc/core/clock.h"
#include "fsc/weights/model_folder.h"
#include "train/detail_session.h"

namespace fsc {
using namespace detail;
namespace {

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

}  // namespace

LoaderBench bench_loader(const RunConfig& config, int64_t batches, const std::function<void(int64_t)>& progress) {
  const ModelIdentity identity = model_identity(config);
  const auto tokenizer = load_tokenizer(identity.arch, identity.tokenizer);
  Loader loader(loader_setup(config, identity, *tokenizer, ""));
  loader.start();
  LoaderBench bench;
  LoaderStats before;
  double cpu = 0;
  auto begin = Clock::now();
  for (int64_t i = 0; i <= batches; ++i) {
    loader.next();
    if (i == 0) {
      begin = Clock::now();
      before = loader.stats();
      cpu = cpu_seconds();
    }
    if (progress) progress(i);
  }
  bench.seconds = seconds_since(begin);
  bench.cpu_seconds = cpu_seconds() - cpu;
  bench.stats = loader.stats() - before;
  return bench;
}

}  // namespace fsc
