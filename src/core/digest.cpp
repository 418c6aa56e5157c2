// SHA-256 through OpenSSL's EVP interface, and a short hash made of mix64.
#include "fsc/core/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

#include "fsc/core/atomic_file.h"
#include "fsc/core/rng.h"

namespace fsc {

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) { EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr); }
Sha256::~Sha256() = default;

void Sha256::update(std::string_view bytes) { EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()); }

std::string Sha256::hex() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_->evp, bytes, &size);
  static const char* digits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
  return text;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  Sha256 hash;
  for_each_chunk(path, [&](std::string_view chunk) { hash.update(chunk); });
  return hash.hex();
}

uint64_t hash_text(std::string_view text) {
  uint64_t hash = mix64(text.size());
  for (size_t i = 0; i < text.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + i, std::min<size_t>(8, text.size() - i));
    hash = mix64(hash ^ word) + 0x9E3779B97F4A7C15ULL;
  }
  return hash;
}

}  // namespace fsc
