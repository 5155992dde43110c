// SPDX-License-Identifier: Apache-2.0
#include "cert_files.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

bool is_folder(const std::string& path) {
  std::error_code failed;
  return std::filesystem::is_directory(path, failed);
}

Result<std::string> read_all(std::istream& in, const std::string& path) {
  std::string text(kSmallFileBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return fail(Code::unavailable, concat("cannot read ", path));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kSmallFileBytesMax)
    return fail(Code::exhausted, concat(path, " is larger than ", kSmallFileBytesMax, " bytes"));
  return text;
}

Error at_path(const std::string& path, const Error& error) {
  return fail(error.code, concat(path, ": ", error.what));
}

Status refuse_existing(const std::string& path) {
  std::error_code failed;
  if (std::filesystem::symlink_status(path, failed).type() == std::filesystem::file_type::not_found)
    return ok();
  return fail(
      Code::already_exists,
      concat(path, " exists and is not overwritten; choose another name, or replace it with --force"));
}

Status replace_both(Files& files, const PairPaths& paths, const CertifiedKey& pair,
                    std::string_view key_pem) {
  const auto old_key = files.read_secret(paths.key, FilePrivacy::any);
  SALLYPORT_CHECK(files.replace_private(paths.key, key_pem));
  Status written = files.replace_private(paths.certificate, pair.chain_pem());
  if (!written && old_key) (void)files.replace_private(paths.key, old_key->expose());
  return written;
}

}  // namespace

Result<std::string> read_public(const std::string& path) {
  if (path == "-") return read_all(std::cin, "standard input");
  if (is_folder(path)) return fail(Code::unavailable, concat(path, " is a folder; name a file"));
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const int reason = errno;
    return fail(reason == ENOENT ? Code::not_found : Code::unavailable,
                concat("cannot open ", path, ": ", std::strerror(reason)));
  }
  return read_all(file, path);
}

Result<std::vector<Certificate>> read_certificates(const std::string& path, std::size_t certificates_max) {
  SALLYPORT_TRY(text, read_public(path));
  constexpr char kDerSequence = 0x30;
  if (text.size() > 1 && text.front() == kDerSequence && text.find("-----BEGIN") == std::string::npos) {
    return Certificate::from_der(std::as_bytes(std::span(text)))
        .transform([](Certificate certificate) { return std::vector<Certificate>{std::move(certificate)}; })
        .transform_error([&path](const Error& error) { return at_path(path, error); });
  }
  return Certificate::list_from_pem(text, certificates_max).transform_error([&path](const Error& error) {
    return at_path(path, error);
  });
}

Result<std::vector<Certificate>> read_anchors(const std::string& path) {
  return read_certificates(is_folder(path) ? path + "/ca.crt" : path, kBundleCertificatesMax);
}

Result<Authority> read_authority(Files& files, const std::string& dir) {
  const std::string path = concat(dir, "/ca.crt");
  auto chain = read_public(path);
  if (!chain && chain.error().code == Code::not_found)
    return fail(Code::not_found,
                concat(chain.error().what, "; make an authority first: sallyport cert ca --out ", dir));
  if (!chain) return std::move(chain).error();
  SALLYPORT_TRY(key, files.read_secret(concat(dir, "/ca.key"), FilePrivacy::owner_only));
  return read_certified_key(*chain, key)
      .and_then([](CertifiedKey pair) { return Authority::from_pair(std::move(pair)); })
      .transform_error(
          [&dir](const Error& error) { return at_path(concat(dir, "/ca.crt and ca.key"), error); });
}

Status write_pair(Files& files, const PairPaths& paths, const CertifiedKey& pair, Existing existing) {
  SALLYPORT_TRY(key_pem, pair.key.to_pem());
  if (existing == Existing::replace) return replace_both(files, paths, pair, key_pem.expose());
  SALLYPORT_CHECK(refuse_existing(paths.certificate));
  SALLYPORT_CHECK(refuse_existing(paths.key));
  SALLYPORT_CHECK(files.create_private(paths.key, key_pem.expose()));
  Status written = files.create_private(paths.certificate, pair.chain_pem());
  if (!written) (void)files.remove(paths.key);
  return written;
}

Status prepare_folder(Files& files, const std::string& dir) {
  Status made = files.ensure_private_directory(dir);
  if (made || made.error().code != Code::permission_denied) return made;
  // A folder that others may read does no harm, since each file in it is private from its first byte; one
  // that others may write to does.
  struct stat info {};
  if (::stat(dir.c_str(), &info) != 0) return made;
  constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;
  if (info.st_uid == ::geteuid() && (info.st_mode & kOthersWrite) == 0) return ok();
  return made;
}

std::string utc(WallTime time) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts{};
  char text[32] = "";
  ::gmtime_r(&seconds, &parts);
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string colons(std::string_view hex) {
  std::string text;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    if (i > 0 && i % 2 == 0) text += ':';
    text += hex[i] >= 'a' ? static_cast<char>(hex[i] - 'a' + 'A') : hex[i];
  }
  return text;
}

Result<KeyKind> key_kind_of(std::string_view text) {
  if (const auto kind = parse_key_kind(text)) return *kind;
  return fail(
      Code::invalid_argument,
      concat("--key: \"", escaped(text), "\" is no kind of key; use p256, p384, p521, rsa2048 or rsa3072"));
}

}  // namespace sallyport
