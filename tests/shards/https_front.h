// https before a test's http server: takes TLS off, hands the request on, and sends the answer back; a certificate of its own.
#pragma once
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "shards/http_server.h"

namespace fsc::test {

/// A key and a certificate for this machine's loopback names, signed by itself.
class Certificate {
 public:
  Certificate() {
    X509* x = certificate_.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key_.get());
    X509_NAME* name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(x, name);
    add(NID_basic_constraints, "critical,CA:TRUE");
    add(NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    X509_sign(x, key_.get(), EVP_sha256());
  }
  X509* certificate() const { return certificate_.get(); }
  EVP_PKEY* key() const { return key_.get(); }
  void write(const std::filesystem::path& path) const {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "w"), &std::fclose);
    if (!file || PEM_write_X509(file.get(), certificate()) != 1) throw std::runtime_error("cannot write the test's certificate");
  }

 private:
  void add(int kind, const char* text) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, text);
    X509_add_ext(certificate_.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_{EVP_EC_gen("P-256"), &EVP_PKEY_free};
  std::unique_ptr<X509, void (*)(X509*)> certificate_{X509_new(), &X509_free};
};

/// One connection after another.
class HttpsFront {
 public:
  /// Clients trust `certificate` when they are told its file.
  HttpsFront(const HttpServer& server, const Certificate& certificate)
      : server_(server),
        context_(context_of(certificate)),
        front_([this](int socket, const std::atomic<bool>&) { answer(socket); }) {}

  std::string url(const std::string& path, const std::string& host = "127.0.0.1") const {
    return front_.url("https", host, path);
  }

 private:
  using Context = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;
  static Context context_of(const Certificate& certificate) {
    Context context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    SSL_CTX_use_certificate(context.get(), certificate.certificate());
    SSL_CTX_use_PrivateKey(context.get(), certificate.key());
    return context;
  }

  void answer(int socket) {
    const std::unique_ptr<SSL, void (*)(SSL*)> tls(SSL_new(context_.get()), &SSL_free);
    SSL_set_fd(tls.get(), socket);
    if (SSL_accept(tls.get()) == 1) hand_on(tls.get());
  }

  void hand_on(SSL* tls) {
    char buffer[4096];
    std::string head;
    for (int n = 1; n > 0 && head.find("\r\n\r\n") == std::string::npos;) {
      n = SSL_read(tls, buffer, sizeof buffer);
      if (n > 0) head.append(buffer, static_cast<size_t>(n));
    }
    const int inner = connect_to_loopback(server_.port());
    if (::send(inner, head.data(), head.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(head.size())) {
      while (true) {
        const ssize_t n = ::recv(inner, buffer, sizeof buffer, 0);
        if (n <= 0 || SSL_write(tls, buffer, static_cast<int>(n)) <= 0) break;
      }
    }
    ::close(inner);
    SSL_shutdown(tls);
  }

  const HttpServer& server_;
  Context context_;
  LoopbackServer front_;
};

}  // namespace fsc::test
