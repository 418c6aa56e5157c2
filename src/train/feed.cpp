// One thread that has a batch ready, and the side stream that its copies take.
#include "train/detail_feed.h"

#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "fsc/core/clock.h"
#include "fsc/tensor/worker_thread.h"
#include "train/detail_range.h"

namespace fsc::detail {

SideCopies::SideCopies(torch::Device device) : device_(device) {
  if (!device.is_cpu()) stream_ = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
}

SideCopies::Sent SideCopies::send(Batch batch, int64_t number) {
  if (!stream_) return {std::move(batch), std::nullopt};
  if (auto& reached = reached_[static_cast<size_t>(number % 2)]) reached->synchronize();
  const Range range("copy");
  const c10::StreamGuard on_the_side(*stream_);
  batch.each_tensor([](torch::Tensor& tensor) { tensor = tensor.pin_memory(); });
  Sent sent{batch.to(device_), c10::Event(device_.type())};  // the pinned memory is kept until it has been read
  sent.arrived->record(*stream_);
  return sent;
}

Batch SideCopies::receive(Sent sent, int64_t number) {
  if (!stream_) return std::move(sent.batch);
  const c10::Stream here = c10::impl::VirtualGuardImpl(device_.type()).getStream(device_);
  sent.arrived->block(here);
  sent.batch.each_tensor([&](torch::Tensor& tensor) { tensor.record_stream(here); });  // it was allocated for the other one
  reached_[static_cast<size_t>(number % 2)].emplace(device_.type()).record(here);
  return std::move(sent.batch);
}

Feed::Feed(Loader& loader, torch::Device device, int64_t accum_freq)
    : loader_(loader), copies_(device), accum_freq_(accum_freq), stats_(loader.stats()) {}

void Feed::start(const DataPlace& at, int64_t count) {
  settle();
  place_ = at;
  loader_.start(at);
  thread_ = std::make_unique<OrderedWorkers<Made>>(OrderedWorkers<Made>::Setup{
      .threads = 1,
      .window = 1,
      .end = count,
      .heeds_stop = false,  // the loader does, for all ranks at the same batch
      .begin = [this](int64_t number, size_t) { return [this, number] { return make(number); }; },
      .on_thread = begin_worker_thread,
  });
}

/// Ends the thread behind the batch that it has ready or is at: all ranks' loaders must have been asked for as many.
void Feed::settle() {
  if (!thread_) return;
  try {
    thread_->take();
  } catch (...) {  // of a batch that nobody wants any more
  }
  thread_.reset();
}

Feed::Made Feed::make(int64_t number) {
  Batch batch = loader_.next();
  if (accum_freq_ > 1) batch.text_parts = in_parts(batch.texts, accum_freq_);
  return {copies_.send(std::move(batch), number), loader_.place(), loader_.stats()};
}

Batch Feed::next() {
  TORCH_CHECK(thread_, "next() before start()");
  const Range range("data wait");
  const auto begin = Clock::now();
  const int64_t number = thread_->next();
  Made made = thread_->take();
  waited_ += seconds_since(begin);
  place_ = std::move(made.place);
  stats_ = std::move(made.stats);
  return copies_.receive(std::move(made.sent), number);
}

LoaderStats Feed::stats() const {
  LoaderStats stats = stats_;
  stats.at(Stage::kWait) = waited_;
  return stats;
}

}  // namespace fsc::detail
