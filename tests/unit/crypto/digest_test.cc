// SPDX-License-Identifier: Apache-2.0
// Are our digests the ones that everybody else computes, and do base's wiping and comparing agree with the
// libraries'?
#include "sallyport/crypto/digest.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "sallyport/base/text.h"
#include "sallyport/env/testing/fakes.h"

namespace sallyport {
namespace {

std::string hex(const Digest& digest) { return to_hex(digest.bytes); }
std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Sha256, agrees_with_the_vectors_of_fips_180) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, agrees_with_libsodium_on_every_length_to_300) {
  CountingEntropy entropy;
  for (std::size_t size = 0; size <= 300; ++size) {
    std::vector<std::byte> message(size);
    entropy.fill(message);
    Digest theirs;
    crypto_hash_sha256(reinterpret_cast<unsigned char*>(theirs.bytes.data()),
                       reinterpret_cast<const unsigned char*>(message.data()), message.size());
    EXPECT_EQ(hex(sha256(message)), hex(theirs)) << size;
  }
}

TEST(Sha256, is_the_same_on_every_thread) {
  const std::string expected = hex(sha256("one text"));
  std::array<std::string, 8> seen;
  {
    std::vector<std::jthread> threads;
    for (std::string& mine : seen) {
      threads.emplace_back([&mine] {
        for (int i = 0; i < 200; ++i) mine = hex(sha256("one text"));
      });
    }
  }
  for (const std::string& mine : seen) EXPECT_EQ(mine, expected);
}

TEST(HmacSha256, agrees_with_the_vectors_of_rfc_4231) {
  EXPECT_EQ(hex(hmac_sha256(bytes_of(std::string(20, '\x0b')), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256(bytes_of("Jefe"), "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(bytes_of(std::string(131, '\xaa')),
                            "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(HmacSha256, agrees_with_openssl_on_every_key_length_round_the_block) {
  CountingEntropy entropy;
  for (std::size_t size = 0; size <= 130; ++size) {
    std::vector<std::byte> key(size);
    std::array<std::byte, 50> message{};
    entropy.fill(key);
    entropy.fill(message);
    Digest theirs;
    ASSERT_NE(HMAC(EVP_sha256(), key.empty() ? "" : static_cast<const void*>(key.data()),
                   static_cast<int>(size), reinterpret_cast<const unsigned char*>(message.data()),
                   message.size(), reinterpret_cast<unsigned char*>(theirs.bytes.data()), nullptr),
              nullptr);
    EXPECT_EQ(hex(hmac_sha256(key, message)), hex(theirs)) << size;
  }
}

TEST(Fingerprint, AT_05_names_a_credential_without_showing_any_of_its_digest) {
  CountingEntropy entropy;
  const auto key = [&entropy] {
    return FingerprintKey::filled_by([&entropy](std::span<std::byte, 32> out) { entropy.fill(out); });
  };
  const Fingerprinter one(key());
  const Fingerprinter other(key());
  const Digest digest = sha256("a token");
  const std::string name = one.fingerprint(digest);
  EXPECT_EQ(name.size(), 8U);
  EXPECT_EQ(name, one.fingerprint(digest));
  EXPECT_NE(name, one.fingerprint(sha256("another token")));
  EXPECT_NE(name, other.fingerprint(digest));
  EXPECT_EQ(hex(digest).find(name), std::string::npos);
}

TEST(Fingerprint, stays_the_same_over_a_restart_with_the_same_secret) {
  const SecretText secret("the secret that keys digests, of many bytes");
  const Digest digest = sha256("a token");
  EXPECT_EQ(Fingerprinter::derived_from(secret).fingerprint(digest),
            Fingerprinter::derived_from(secret.duplicate()).fingerprint(digest));
  EXPECT_NE(Fingerprinter::derived_from(secret).fingerprint(digest),
            Fingerprinter::derived_from(SecretText("another")).fingerprint(digest));
}

TEST(ConstantTime, AT_05_base_agrees_with_openssl_and_libsodium_for_every_flipped_bit) {
  CountingEntropy entropy;
  std::array<std::byte, 32> left{};
  entropy.fill(left);
  auto right = left;
  EXPECT_TRUE(equal_constant_time(left, right));
  EXPECT_EQ(CRYPTO_memcmp(left.data(), right.data(), left.size()), 0);
  for (std::size_t bit = 0; bit < left.size() * 8; ++bit) {
    right[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_EQ(equal_constant_time(left, right), CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0);
    EXPECT_EQ(equal_constant_time(left, right), sodium_memcmp(left.data(), right.data(), left.size()) == 0);
    EXPECT_FALSE(equal_constant_time(left, right));
    right[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}

TEST(ConstantTime, an_empty_secret_equals_nothing_unlike_the_libraries) {
  EXPECT_EQ(sodium_memcmp("", "", 0), 0);
  EXPECT_FALSE(equal_constant_time({}, {}));
  EXPECT_FALSE(SecretText().matches(SecretText()));
  EXPECT_FALSE(SecretText("").matches(SecretText("")));
}

TEST(Wipe, leaves_what_sodium_calls_zero) {
  CountingEntropy entropy;
  for (const std::size_t size : {1U, 7U, 32U, 1000U}) {
    std::vector<std::byte> bytes(size);
    entropy.fill(bytes);
    wipe(bytes);
    EXPECT_EQ(sodium_is_zero(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()), 1) << size;
  }
}

}  // namespace
}  // namespace sallyport
