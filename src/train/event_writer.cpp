// TensorBoard's TFRecord files with hand-encoded protocol buffers: an Event holds a few fields only.
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstring>

#include "fsc/core/atomic_file.h"
#include "fsc/train/run_log.h"

namespace fsc {
namespace {

// Field numbers of tensorflow/core/util/event.proto and framework/summary.proto.
constexpr int kEventWallTime = 1, kEventStep = 2, kEventFileVersion = 3, kEventSummary = 5, kEventSessionLog = 7;
constexpr int kSummaryValue = 1, kValueTag = 1, kValueSimple = 2, kSessionStatus = 1, kSessionStart = 1;
constexpr int kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}
void put_tag(std::string& out, int field, int wire) { put_varint(out, static_cast<uint64_t>(field << 3 | wire)); }
void put_integer(std::string& out, int field, int64_t value) {
  put_tag(out, field, kVarint);
  put_varint(out, static_cast<uint64_t>(value));
}
void put_bytes(std::string& out, int field, const std::string& value) {
  put_tag(out, field, kBytes);
  put_varint(out, value.size());
  out += value;
}
template <class T>
void put_fixed(std::string& out, T value) {
  static_assert(std::endian::native == std::endian::little);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string new_event(int64_t step) {
  const double wall = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::string event;
  put_tag(event, kEventWallTime, kFixed64);
  put_fixed(event, wall);
  put_integer(event, kEventStep, step);
  return event;
}

/// CRC-32C (Castagnoli, reflected) as TFRecord masks it; Debian has no library for it.
uint32_t masked_crc(const char* data, size_t size) {
  static const auto table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = (t[i] >> 1) ^ (t[i] & 1 ? 0x82F63B78U : 0U);
    }
    return t;
  }();
  uint32_t crc = 0xFFFFFFFFU;
  for (size_t i = 0; i < size; ++i) crc = table[(crc ^ static_cast<unsigned char>(data[i])) & 0xFF] ^ (crc >> 8);
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

}  // namespace

EventWriter::EventWriter(const std::filesystem::path& folder, int64_t first_step) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  path_ = folder / ("events.out.tfevents." + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count()) +
                    ".fsc." + std::to_string(::getpid()));
  file_.open(path_, std::ios::binary);
  if (!file_) throw_io_error(path_, "write", errno);
  std::string version = new_event(0);
  put_bytes(version, kEventFileVersion, "brain.Event:2");
  record(version);
  if (first_step > 0) {
    std::string session, start = new_event(first_step);
    put_integer(session, kSessionStatus, kSessionStart);
    put_bytes(start, kEventSessionLog, session);
    record(start);
  }
}

void EventWriter::record(const std::string& event) {
  std::string out;
  put_fixed(out, static_cast<uint64_t>(event.size()));
  put_fixed(out, masked_crc(out.data(), out.size()));
  out += event;
  put_fixed(out, masked_crc(event.data(), event.size()));
  if (!file_.write(out.data(), static_cast<std::streamsize>(out.size())).flush()) throw_io_error(path_, "write", errno);
}

void EventWriter::scalars(int64_t step, const std::vector<std::pair<std::string, double>>& values) {
  std::string summary;
  for (const auto& [tag, number] : values) {
    std::string value;
    put_bytes(value, kValueTag, tag);
    put_tag(value, kValueSimple, kFixed32);
    put_fixed(value, static_cast<float>(number));
    put_bytes(summary, kSummaryValue, value);
  }
  std::string event = new_event(step);
  put_bytes(event, kEventSummary, summary);
  record(event);
}

}  // namespace fsc
