// Draws by testing points against shapes, 16 points a pixel: smooth edges at any size, no dependence on a drawing library.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "synth/detail_render.h"

namespace fsc::synth {
namespace {

using std::numbers::pi;

struct Paint {
  float r = 0, g = 0, b = 0;
};
Paint operator*(Paint p, float k) { return {p.r * k, p.g * k, p.b * k}; }
Paint mix(Paint p, Paint q, float t) { return {p.r + (q.r - p.r) * t, p.g + (q.g - p.g) * t, p.b + (q.b - p.b) * t}; }

constexpr std::array<Paint, kColours> kPaints = {{{.93f, .16f, .16f},
                                                  {.98f, .54f, .08f},
                                                  {.97f, .90f, .18f},
                                                  {.18f, .76f, .26f},
                                                  {.20f, .42f, .98f},
                                                  {.63f, .27f, .84f},
                                                  {.99f, .62f, .80f},
                                                  {.98f, .98f, .98f}}};

struct Canvas {
  int size;
  std::vector<Paint> pixels;
  Paint& at(int x, int y) { return pixels[static_cast<size_t>(y) * static_cast<size_t>(size) + static_cast<size_t>(x)]; }
};

/// Point against a shape of unit radius, y down.
bool covers(Shape shape, double x, double y) {
  const double ax = std::abs(x), ay = std::abs(y), r2 = x * x + y * y;
  switch (shape) {
    case Shape::kCircle:
      return r2 < 0.9;
    case Shape::kSquare:
      return ax < 0.8 && ay < 0.8;
    case Shape::kTriangle:
      return y < 0.68 && y > 1.75 * ax - 0.98;
    case Shape::kCross:
      return (ax < 0.3 && ay < 0.95) || (ay < 0.3 && ax < 0.95);
    case Shape::kRing:
      return r2 < 1.0 && r2 > 0.3;
    case Shape::kDiamond:
      return ax / 0.72 + ay < 1.0;
    case Shape::kHeart: {
      const double u = 1.2 * x, v = -1.2 * y + 0.1, k = u * u + v * v - 1;
      return k * k * k - u * u * v * v * v < 0;
    }
    case Shape::kStar:
      break;
  }
  // Fold the plane into half a point of the star; its edge is the line from the tip (1, 0) to the notch.
  const double sector = 2 * pi / 5, notch = 0.45;
  double angle = std::fmod(std::atan2(x, -y) + 2 * pi, sector);
  angle = std::min(angle, sector - angle);
  const double radius = std::sqrt(r2), px = radius * std::cos(angle), py = radius * std::sin(angle);
  const double nx = notch * std::cos(sector / 2), ny = notch * std::sin(sector / 2);
  return (px - 1) * ny - py * (nx - 1) < 0;
}

/// Two tones of one muted colour, and how they alternate.
class Background {
 public:
  explicit Background(Rng& rng) {
    const float grey = static_cast<float>(rng.uniform(0.1, 0.36));
    first_ = tinted(grey, rng);
    second_ = mix(first_, tinted(grey + static_cast<float>(rng.uniform(-0.1, 0.1)), rng), 0.8f);
    kind_ = static_cast<int>(rng.below(4));
    const double angle = rng.uniform(0, 2 * pi), period = rng.uniform(0.08, 0.22);
    ax_ = std::cos(angle), ay_ = std::sin(angle), frequency_ = 2 * pi / period, phase_ = rng.uniform(0, 2 * pi);
    for (auto& value : lattice_) value = static_cast<float>(rng.uniform());
  }

  Paint at(double x, double y) const {
    switch (kind_) {
      case 0:
        return first_;
      case 1:
        return mix(first_, second_, static_cast<float>(0.5 + 0.7 * ((x - 0.5) * ax_ + (y - 0.5) * ay_)));
      case 2:
        return mix(first_, second_, static_cast<float>(0.5 + 0.5 * std::sin(frequency_ * (x * ax_ + y * ay_) + phase_)));
      default:
        return mix(first_, second_, cloud(x, y));
    }
  }

 private:
  static constexpr int kCells = 9;

  static Paint tinted(float grey, Rng& rng) {
    const auto channel = [&] { return std::clamp(grey + static_cast<float>(rng.uniform(-0.07, 0.07)), 0.03f, 0.45f); };
    const float r = channel(), g = channel(), b = channel();
    return {r, g, b};
  }

  float cloud(double x, double y) const {  // bilinear between random values of a coarse lattice
    const double gx = x * (kCells - 1.001), gy = y * (kCells - 1.001);
    const int ix = static_cast<int>(gx), iy = static_cast<int>(gy);
    const float fx = static_cast<float>(gx - ix), fy = static_cast<float>(gy - iy);
    const auto value = [&](int i, int j) { return lattice_[static_cast<size_t>(j * kCells + i)]; };
    return std::lerp(std::lerp(value(ix, iy), value(ix + 1, iy), fx), std::lerp(value(ix, iy + 1), value(ix + 1, iy + 1), fx),
                     fy);
  }

  Paint first_, second_;
  int kind_ = 0;
  double ax_ = 1, ay_ = 0, frequency_ = 1, phase_ = 0;
  std::array<float, kCells * kCells> lattice_{};
};

/// Paints every pixel in the square of half-width `reach` about (x, y) by the share of its 4 x 4 points that `inside` accepts.
template <class Inside, class Colourer>
void fill(Canvas& canvas, double x, double y, double reach, const Inside& inside, const Colourer& colour) {
  constexpr int kPoints = 4;
  const auto pixel = [&](double v) { return std::clamp(static_cast<int>(std::floor(v * canvas.size)), 0, canvas.size - 1); };
  for (int py = pixel(y - reach); py <= pixel(y + reach); ++py)
    for (int px = pixel(x - reach); px <= pixel(x + reach); ++px) {
      int hits = 0;
      for (int s = 0; s < kPoints * kPoints; ++s) {
        const double u = (px + (s % kPoints + 0.5) / kPoints) / canvas.size,
                     v = (py + (s / kPoints + 0.5) / kPoints) / canvas.size;
        hits += inside(u - x, v - y);
      }
      if (hits == 0) continue;
      Paint& target = canvas.at(px, py);
      target = mix(target, colour((px + 0.5) / canvas.size - x, (py + 0.5) / canvas.size - y),
                   static_cast<float>(hits) / (kPoints * kPoints));
    }
}

Paint jittered(Paint p, Rng& rng) {
  const auto near = [&](float v) { return std::clamp(v + static_cast<float>(rng.uniform(-0.05, 0.05)), 0.0f, 1.0f); };
  const float r = near(p.r), g = near(p.g), b = near(p.b);
  return {r, g, b};
}

void draw(Canvas& canvas, const Thing& thing, Rng& rng) {
  const Paint paint = jittered(kPaints[static_cast<size_t>(thing.colour)], rng);
  const double cosine = std::cos(thing.angle), sine = std::sin(thing.angle);
  const double shade = rng.uniform(-0.12, 0.12), shade_angle = rng.uniform(0, 2 * pi);
  const double sx = shade * std::cos(shade_angle) / thing.radius, sy = shade * std::sin(shade_angle) / thing.radius;
  const auto shape_at = [&](double scale) {
    return [=, shape = thing.shape, k = 1 / (thing.radius * scale)](double x, double y) {
      return covers(shape, (cosine * x + sine * y) * k, (cosine * y - sine * x) * k);
    };
  };
  const auto body = [&](double x, double y) { return paint * static_cast<float>(1 + sx * x + sy * y); };
  const double reach = 1.2 * thing.radius;
  if (thing.shape != Shape::kRing && rng.chance(0.3)) {  // a dark rim
    fill(canvas, thing.x, thing.y, reach, shape_at(1.0), [&](double, double) { return paint * 0.45f; });
    fill(canvas, thing.x, thing.y, reach, shape_at(0.86), body);
  } else {
    fill(canvas, thing.x, thing.y, reach, shape_at(1.0), body);
  }
}

/// A thin grey line across the picture.
void draw_twig(Canvas& canvas, Rng& rng) {
  const double angle = rng.uniform(0, pi), nx = std::sin(angle), ny = -std::cos(angle);
  const double offset = rng.uniform(-0.35, 0.35), half = rng.uniform(0.008, 0.016);
  const float grey = static_cast<float>(rng.uniform(0.15, 0.6));
  fill(
      canvas, 0.5, 0.5, 0.5, [=](double x, double y) { return std::abs(x * nx + y * ny - offset) < half; },
      [=](double, double) {
        return Paint{grey, grey, grey};
      });
}

/// Sum of four uniform 16-bit numbers, near enough to a normal one of unit variance and a quarter of the price.
float rough_normal(Rng& rng) {
  const uint64_t bits = rng.next();
  const auto sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
  return (static_cast<float>(sum) / 65536.0f - 2.0f) * 1.732f;
}

cv::Mat to_pixels(Canvas& canvas, Rng& rng) {
  const double angle = rng.uniform(0, 2 * pi), slope = rng.uniform(0, 0.2), level = rng.uniform(0.85, 1.1);
  const float noise = static_cast<float>(rng.uniform(0, 0.05));
  cv::Mat image(canvas.size, canvas.size, CV_8UC3);
  for (int y = 0; y < canvas.size; ++y)
    for (int x = 0; x < canvas.size; ++x) {
      const double u = (x + 0.5) / canvas.size - 0.5, v = (y + 0.5) / canvas.size - 0.5;
      const Paint lit = canvas.at(x, y) * static_cast<float>(level + slope * (u * std::cos(angle) + v * std::sin(angle)));
      const auto byte = [&](float c) {
        return static_cast<uchar>(std::lround(std::clamp(c + noise * rough_normal(rng), 0.0f, 1.0f) * 255.0f));
      };
      const uchar b = byte(lit.b), g = byte(lit.g), r = byte(lit.r);
      image.at<cv::Vec3b>(y, x) = {b, g, r};
    }
  return image;
}

}  // namespace

cv::Mat render(const Scene& scene, int size, Rng& rng) {
  Canvas canvas{size, std::vector<Paint>(static_cast<size_t>(size) * static_cast<size_t>(size))};
  const Background background(rng);
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) canvas.at(x, y) = background.at((x + 0.5) / size, (y + 0.5) / size);
  std::vector<const Thing*> back_to_front;
  for (const Thing& thing : scene.things) back_to_front.push_back(&thing);
  rng.shuffle(back_to_front);
  if (scene.relation == Relation::kInside || scene.relation == Relation::kAround)  // the container lies behind
    std::sort(back_to_front.begin(), back_to_front.end(), [](const Thing* a, const Thing* b) { return a->radius > b->radius; });
  for (const Thing* thing : back_to_front) draw(canvas, *thing, rng);
  for (int twigs = rng.chance(0.35) ? 1 + static_cast<int>(rng.below(2)) : 0; twigs > 0; --twigs) draw_twig(canvas, rng);
  return to_pixels(canvas, rng);
}

}  // namespace fsc::synth
