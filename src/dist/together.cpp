// Words of all ranks, or of rank 0, and what follows from them.
#include "fsc/dist/together.h"

#include <algorithm>
#include <optional>

namespace fsc {
namespace {

/// How a piece of work ended, as words that go to the other ranks: a letter, the exit code, and the result or the message.
struct Outcome {
  std::string words;
  std::optional<Error> error;

  std::string packed() const {
    return error ? "-" + std::to_string(static_cast<int>(error->code())) + " " + error->what() : "+" + words;
  }
  static Outcome unpacked(const std::string& text) {
    if (text.starts_with('+')) return {text.substr(1), {}};
    const size_t space = text.find(' ');
    return {"", Error(text.substr(space + 1), static_cast<ExitCode>(std::stoi(text.substr(1, space - 1))))};
  }
};

/// Memory that ran out and the like end the process here, and with it the others: only what a user can mend is told.
Outcome outcome_of(const std::function<std::string()>& work) {
  try {
    return {work(), {}};
  } catch (const LostRank&) {
    throw;
  } catch (const Error& error) {
    return {"", error};
  }
}

}  // namespace

void on_first(World& world, const std::function<void()>& work, double longest) {
  words_of_first(
      world, [&] { return work(), std::string(); }, longest);
}

std::string words_of_first(World& world, const std::function<std::string()>& work, double longest) {
  if (world.size() == 1) return work();
  Outcome outcome;
  if (world.is_first()) outcome = outcome_of(work);
  const auto all = world.channel().all_gather(world.is_first() ? outcome.packed() : "", longest);
  if (!world.is_first()) outcome = Outcome::unpacked(all[0]);
  if (outcome.error) throw CommonError(outcome.error->what(), outcome.error->code());
  return outcome.words;
}

void on_all(World& world, const std::function<void()>& work, double longest) {
  if (world.size() == 1) return work();
  const Outcome here = outcome_of([&] { return work(), std::string(); });
  const auto all = world.channel().all_gather(here.packed(), longest);
  if (here.error) throw CommonError(here.error->what(), here.error->code());
  for (size_t rank = 0; rank < all.size(); ++rank)
    if (const Outcome there = Outcome::unpacked(all[rank]); there.error)
      throw CommonError("rank " + std::to_string(rank) + ": " + there.error->what(), there.error->code());
}

bool any(World& world, bool here) {
  if (world.size() == 1) return here;
  const auto all = world.channel().all_gather(here ? "1" : "0", 0);
  return std::find(all.begin(), all.end(), "1") != all.end();
}

}  // namespace fsc
