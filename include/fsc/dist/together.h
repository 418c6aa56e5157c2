// What all ranks decide together, and what rank 0 does for all; each is said here once.
#pragma once
#include <functional>
#include <string>

#include "fsc/dist/world.h"

namespace fsc {

/// An Error that every rank throws at the same place with the same words: it is enough that one of them tells it.
class CommonError : public Error {
 public:
  using Error::Error;
};

/// Runs `work` on rank 0 while the others wait (up to `longest` seconds, 0 = distributed.timeout). An Error of it becomes a
/// CommonError of the same words and exit code on every rank.
void on_first(World& world, const std::function<void()>& work, double longest = 0);
/// The same; every rank gets its words.
std::string words_of_first(World& world, const std::function<std::string()>& work, double longest = 0);

/// Runs `work` on every rank. An Error on some is a CommonError on all, which names the first of them.
void on_all(World& world, const std::function<void()>& work, double longest = 0);

/// Whether any rank says so.
bool any(World& world, bool here);

}  // namespace fsc
