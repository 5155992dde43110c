// SPDX-License-Identifier: Apache-2.0
// Are PEM text and file:// taken alike, and nothing else, without quoting what may be a key?
#include "sallyport/pki/source.h"

#include "tests/unit/pki/pki_world.h"

namespace sallyport {
namespace {

using Source = PkiWorld;

TEST_F(Source, SG_01_pem_text_and_file_urls_are_taken_alike) {
  const CertifiedKey made = leaf(authority(), request({"a.example"}));
  const auto key = made.key.to_pem();
  MemoryFiles files;
  files.files = {{"/tls/a.crt", made.chain_pem()}, {"/tls/a.key", std::string(key->expose())}};
  EXPECT_TRUE(load_certified_key(files, made.chain_pem(), *key));
  EXPECT_TRUE(load_certified_key(files, "file:///tls/a.crt", SecretText("file:///tls/a.key")));
  files.open_to_others.insert("/tls/a.key");
  EXPECT_EQ(load_certified_key(files, "file:///tls/a.crt", SecretText("file:///tls/a.key")).error().code,
            Code::permission_denied);
  EXPECT_EQ(load_certified_key(files, "file:///tls/none", *key).error().code, Code::not_found);
}

TEST_F(Source, SG_01_what_is_neither_is_refused_and_not_quoted) {
  MemoryFiles files;
  for (const std::string bad :
       {"", "/tls/a.key", "file://tls/a.key", "file://", "FILE:///x", "c2VjcmV0IGtleQ=="}) {
    const auto refused = read_pem_source(files, SecretText(bad), FilePrivacy::any);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, Code::invalid_argument);
    EXPECT_EQ(refused.error().what.find("c2VjcmV0"), std::string::npos);
  }
}

}  // namespace
}  // namespace sallyport
