// Says what the workers are at when no sample comes.
#pragma once
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "fsc/data/loader_stats.h"

namespace fsc::detail {

/// What a worker is at.
class Activity {
 public:
  void set(Stage stage, const std::string& key) {
    std::lock_guard lock(mutex_);
    stage_ = stage;
    key_ = key;
  }
  /// At rest from its end on.
  class Rest {
   public:
    explicit Rest(Activity& activity) : activity_(activity) {}
    ~Rest() {
      std::lock_guard lock(activity_.mutex_);
      activity_.key_.clear();
    }
    Rest(const Rest&) = delete;
    Rest& operator=(const Rest&) = delete;

   private:
    Activity& activity_;
  };
  /// "decode of a.jpg", "" at rest.
  std::string text() const {
    std::lock_guard lock(mutex_);
    return key_.empty() ? "" : std::string(stage_name(stage_)) + " of " + key_;
  }

 private:
  mutable std::mutex mutex_;
  Stage stage_ = Stage::kRead;
  std::string key_;
};

/// Warns each time a wait has lasted `patience_seconds` longer.
class Watchdog {
 public:
  /// `source_place` names what the source is reading, "" = nothing to name; called by who waits.
  Watchdog(size_t workers, double patience_seconds, std::function<std::string()> source_place)
      : activities_(workers), patience_(patience_seconds), source_place_(std::move(source_place)) {}

  Activity& of(size_t worker) { return activities_[worker]; }
  void wait_begins() { told_ = 0; }
  /// The wait has lasted so long and goes on.
  void look(double seconds);

 private:
  std::string what_goes_on() const;

  std::vector<Activity> activities_;
  double patience_, told_ = 0;
  std::function<std::string()> source_place_;
};

}  // namespace fsc::detail
