// Zip directories, with every number in them doubted.
#include "io/detail_zip_archive.h"

#include <zlib.h>

#include <algorithm>

#include "fsc/core/error.h"

namespace fsc::detail {
namespace {

constexpr std::string_view kEnd("PK\5\6", 4), kEnd64("PK\6\6", 4), kLocator64("PK\6\7", 4), kCentral("PK\1\2", 4),
    kLocal("PK\3\4", 4);
constexpr size_t kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20, kCentralSize = 46, kLocalSize = 30, kMaxComment = 65535;
constexpr uint32_t kInExtra = 0xFFFFFFFF;  // "the number stands in the ZIP64 field"
constexpr uint64_t kMaxEntries = 100'000;  // a model with its optimizer has some thousands
constexpr uint64_t kMaxDirectory = 32 << 20;

uint64_t number(std::string_view bytes, size_t at, size_t width) {
  uint64_t value = 0;
  for (size_t i = width; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// Why a name may not be an entry's; empty when it may.
std::string name_problem(std::string_view name) {
  if (name.empty()) return "an empty name";
  if (name.front() == '/' || name.find('\\') != std::string_view::npos || name.find(':') != std::string_view::npos)
    return "an absolute name or one with a backslash or colon";
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part == "." || part == ".." || (part.empty() && end != name.size()))
      return "a name with the part '" + std::string(part) + "'";
    begin = end + 1;
  }
  if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }))
    return "a name with control characters";
  return "";
}

}  // namespace

ZipArchive::ZipArchive(const InputFile& file) : file_(file) {
  find_directory();
  read_directory();
  locate_data();
}

void ZipArchive::fail(const std::string& problem) const {
  throw Error(file_.name() + ": " + problem + "; the file is truncated or damaged, get it again");
}

void ZipArchive::find_directory() {
  const uint64_t size = file_.size();
  const uint64_t tail_size = std::min<uint64_t>(size, kEndSize + kMaxComment + kEnd64Size + kLocatorSize);
  const uint64_t tail_begin = size - tail_size;
  const std::string tail = file_.bytes(tail_begin, tail_size);
  size_t end = std::string::npos;
  for (size_t at = tail.rfind(kEnd); at != std::string::npos; at = at ? tail.rfind(kEnd, at - 1) : std::string::npos) {
    if (tail.size() - at < kEndSize || at + kEndSize + number(tail, at + 20, 2) != tail.size()) continue;
    end = at;
    break;
  }
  if (end == std::string::npos) fail("begins like a zip archive (torch.save writes one) but has no directory at its end");

  End record{number(tail, end + 4, 2) | number(tail, end + 6, 2), number(tail, end + 8, 2), number(tail, end + 10, 2),
             number(tail, end + 12, 4), number(tail, end + 16, 4)};
  uint64_t directory_end = tail_begin + end;
  if (end >= kLocatorSize && tail.compare(end - kLocatorSize, 4, kLocator64) == 0) {
    directory_end -= kLocatorSize + kEnd64Size;
    if (tail_begin + end < kLocatorSize + kEnd64Size || number(tail, end - kLocatorSize + 8, 8) != directory_end)
      fail("the zip archive's ZIP64 record is not where it is said to be");
    record = read_end64(directory_end, record);
  }
  if (record.disks != 0 || record.count_here != record.count) fail("the zip archive is one of several parts");
  if (record.begin > directory_end || record.size != directory_end - record.begin)
    fail("the zip archive's directory is not where it is said to be");
  if (record.count > kMaxEntries || record.size > kMaxDirectory)
    fail("the zip archive announces " + std::to_string(record.count) + " entries in a directory of " +
         std::to_string(record.size) + " bytes, which no model file needs");
  end_ = record;
}

ZipArchive::End ZipArchive::read_end64(uint64_t at, const End& brief) const {
  const std::string text = file_.bytes(at, kEnd64Size);
  if (text.compare(0, 4, kEnd64) != 0 || number(text, 4, 8) != kEnd64Size - 12) fail("the zip archive has no sound ZIP64 record");
  const End record{brief.disks | number(text, 16, 4) | number(text, 20, 4), number(text, 24, 8), number(text, 32, 8),
                   number(text, 40, 8), number(text, 48, 8)};
  // The brief record either repeats the numbers or says that they do not fit.
  if ((brief.count != record.count && brief.count != 0xFFFF) || (brief.size != record.size && brief.size != kInExtra) ||
      (brief.begin != record.begin && brief.begin != kInExtra))
    fail("the zip archive's two end records contradict each other");
  return record;
}

void ZipArchive::read_directory() {
  directory_ = file_.bytes(end_.begin, end_.size);
  std::string_view rest = directory_;
  for (uint64_t i = 0; i < end_.count; ++i) {
    if (rest.size() < kCentralSize || !rest.starts_with(kCentral)) fail("the zip directory ends early");
    const size_t size = kCentralSize + number(rest, 28, 2) + number(rest, 30, 2) + number(rest, 32, 2);
    if (rest.size() < size) fail("the zip directory ends early");
    entries_.push_back(read_entry(rest.substr(0, size)));
    rest.remove_prefix(size);
  }
  if (!rest.empty()) fail("the zip directory has " + std::to_string(rest.size()) + " bytes more than its entries need");
}

ZipEntry ZipArchive::read_entry(std::string_view record) const {
  const size_t name_size = number(record, 28, 2), extra_size = number(record, 30, 2);
  ZipEntry entry;
  entry.name = record.substr(kCentralSize, name_size);
  const std::string problem = name_problem(entry.name), what = "the zip entry " + quote_name(entry.name);
  if (!problem.empty()) throw Error(file_.name() + ": " + what + " has " + problem + "; it is refused");
  if (number(record, 8, 2) & 1) fail(what + " is encrypted");
  entry.compressed = number(record, 10, 2) != 0;
  entry.crc = static_cast<uint32_t>(number(record, 16, 4));
  entry.stored = number(record, 20, 4);
  entry.size = number(record, 24, 4);
  entry.header = number(record, 42, 4);

  std::string_view extra = record.substr(kCentralSize + name_size, extra_size);
  while (extra.size() >= 4) {
    const size_t id = number(extra, 0, 2), length = number(extra, 2, 2);
    if (extra.size() - 4 < length) fail(what + " has a broken extra field");
    std::string_view field = extra.substr(4, length);
    for (uint64_t* value : {&entry.size, &entry.stored, &entry.header}) {  // in the order the format lays down
      if (id != 1 || *value != kInExtra) continue;
      if (field.size() < 8) fail(what + " has a broken ZIP64 field");
      *value = number(field, 0, 8);
      field.remove_prefix(8);
    }
    extra.remove_prefix(4 + length);
  }
  if (!entry.compressed && entry.stored != entry.size) fail(what + " has two sizes");
  return entry;
}

void ZipArchive::locate_data() {
  std::sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.header < b.header; });
  uint64_t free_from = 0;
  for (auto& entry : entries_) {
    const std::string what = "the zip entry " + quote_name(entry.name);
    if (entry.header < free_from) fail(what + " overlaps the one before it");
    if (entry.header > end_.begin || end_.begin - entry.header < kLocalSize + entry.name.size())
      fail(what + " begins outside the file");
    const std::string local = file_.bytes(entry.header, kLocalSize + entry.name.size());
    if (local.compare(0, 4, kLocal) != 0 || number(local, 26, 2) != entry.name.size() ||
        local.compare(kLocalSize, std::string::npos, entry.name) != 0 || (number(local, 8, 2) != 0) != entry.compressed)
      fail(what + " has another header in its place");
    entry.begin = entry.header + local.size() + number(local, 28, 2);
    if (entry.begin > end_.begin || entry.stored > end_.begin - entry.begin)
      fail(what + " of " + std::to_string(entry.stored) + " bytes reaches beyond the data");
    free_from = entry.begin + entry.stored;
  }
  std::sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto twice =
      std::adjacent_find(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.name == b.name; });
  if (twice != entries_.end()) fail("the zip archive has the entry " + quote_name(twice->name) + " twice");
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto it =
      std::lower_bound(entries_.begin(), entries_.end(), name, [](const ZipEntry& e, std::string_view n) { return e.name < n; });
  return it != entries_.end() && it->name == name ? &*it : nullptr;
}

std::string ZipArchive::read(const ZipEntry& entry) const {
  require_stored(entry);
  std::string bytes = file_.bytes(entry.begin, entry.size);
  verify(entry, bytes);
  return bytes;
}

void ZipArchive::require_stored(const ZipEntry& entry) const {
  if (!entry.compressed) return;
  throw Error(file_.name() + ": the zip entry " + quote_name(entry.name) +
              " is compressed, as PyTorch writes no tensors; it is not unpacked. Write the file again: python -c \"import torch; "
              "torch.save(torch.load('" +
              file_.name() + "', map_location='cpu', weights_only=True), 'model.pt')\"");
}

void ZipArchive::verify(const ZipEntry& entry, std::string_view bytes) const {
  if (entry.crc == 0) return;
  if (::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()) != entry.crc)
    fail("the contents of the zip entry " + quote_name(entry.name) + " do not have their checksum");
}

}  // namespace fsc::detail
