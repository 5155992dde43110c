// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/source.h"

#include <string_view>

namespace sallyport {

Result<SecretText> read_pem_source(Files& files, const SecretText& source, FilePrivacy privacy) {
  constexpr std::string_view kScheme = "file://";
  const std::string_view text = source.expose();
  if (text.find("-----BEGIN ") != std::string_view::npos) return source.duplicate();
  if (text.starts_with(kScheme) && text.substr(kScheme.size()).starts_with('/'))
    return files.read_secret(std::string(text.substr(kScheme.size())), privacy);
  return fail(Code::invalid_argument,
              "a certificate or key is given as PEM text, or as file:// and an absolute path "
              "(file:///etc/tls/a.pem)");
}

Result<CertifiedKey> load_certified_key(Files& files, const std::string& certificate_source,
                                        const SecretText& key_source) {
  SALLYPORT_TRY(chain, read_pem_source(files, SecretText(certificate_source), FilePrivacy::any));
  SALLYPORT_TRY(key, read_pem_source(files, key_source, FilePrivacy::owner_only));
  return read_certified_key(chain.expose(), key);
}

}  // namespace sallyport
