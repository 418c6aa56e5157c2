// Captions that nobody should write: no kind crashes, hangs, or gives the caption back.
#include <gtest/gtest.h>

#include <chrono>

#include "negatives/captions.h"

namespace fsc {
namespace {

std::string repeated(const std::string& unit, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += unit;
  return text;
}

std::vector<std::string> nasty() {
  return {"",
          " ",
          "dog",
          ".",
          "...",
          "\t\n",
          "a",
          "A A A A A A",
          "\xFF\xFE\xC3 dog \xE2\x82 and a red cat on a mat",
          std::string("a dog\0and a cat", 15),
          "🐶 chases 🐱 in the 🏞️",
          "一只狗在草地上追两只猫。",
          "кошка сидит на красном ковре",
          "كلب يجري في الحديقة",
          "e\u0301\u0301\u0301 dog\u200D and \u202Ecat",
          "http://example.com/a?b=c#d <b>dog</b> &amp; cat@example.com $5.00",
          "''' \"\" -- ,,, ;;; ((( ))) ???",
          "dog dog dog dog dog dog dog dog",
          repeated("a dog and ", 5000),
          repeated("go ", 600),
          repeated("a dog in front of ", 200),
          repeated("red and ", 300) + "white dogs in a park",
          repeated("x", 100'000) + " dog and a cat",
          repeated("( ", 1000)};
}

TEST(NastyCaptions, EveryKindCopes) {
  const auto start = std::chrono::steady_clock::now();
  for (const auto& text : nasty()) {
    const auto caption = test::analyse(text);
    for (const auto& kind : negative_kinds()) {
      const auto generator = kind.create(test::text_model());
      for (uint64_t seed = 0; seed < 5; ++seed) {
        Rng rng({seed});
        const auto made = generator->make(caption, rng);
        EXPECT_NE(made, caption.text) << kind.name;
      }
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(NastyCaptions, WithoutWordsThereAreNone) {
  NegativesConfig config;
  config.source = NegativeSource::kGenerate;
  config.fallback = config.kinds;
  const NegativeMaker maker(config);
  for (const char* text : {"", " ", "dog", ".", "\t\n"}) EXPECT_EQ(maker.make(text, {}, {}), NegativeTexts(3)) << text;
}

}  // namespace
}  // namespace fsc
