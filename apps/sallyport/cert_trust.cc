// SPDX-License-Identifier: Apache-2.0
#include "cert_trust.h"

#include "cert_files.h"
#include "sallyport/base/text.h"

namespace sallyport {

std::string trust_words(const Certificate& authority, const std::string& file) {
  const CertificateFacts& facts = authority.facts();
  return concat(
      "Authority: ", facts.common_name, ", until ", utc(facts.not_after),
      "\nSHA-256:   ", colons(to_hex(facts.fingerprint.bytes)),
      "\nWhoever trusts it trusts every certificate that its key signs. Compare the SHA-256 first. With the\n"
      "certificate in ",
      file,
      ":\n"
      "  Debian, Ubuntu      sudo cp ",
      file,
      " /usr/local/share/ca-certificates/sallyport.crt && sudo update-ca-certificates\n"
      "  Chrome on Linux     certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n sallyport -i ",
      file,
      "   (libnss3-tools)\n"
      "  Firefox             Settings, Privacy & Security, View Certificates, Authorities, Import: trust for "
      "websites\n"
      "  macOS               sudo security add-trusted-cert -d -r trustRoot -k "
      "/Library/Keychains/System.keychain ",
      file,
      "\n"
      "  Windows             certutil -addstore -f ROOT ",
      file,
      "   (as administrator)\n"
      "  curl, git, Node     CURL_CA_BUNDLE, GIT_SSL_CAINFO, NODE_EXTRA_CA_CERTS=",
      file, "\n");
}

}  // namespace sallyport
