// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/access_token_file.h"

#include <utility>

#include "sallyport/credential/kept_secret.h"

namespace sallyport {

AccessTokenFile::AccessTokenFile(Files& files, CredentialStore& store, std::string path,
                                 std::shared_ptr<const Principal> principal)
    : files_(files), store_(store), path_(std::move(path)), principal_(std::move(principal)) {}

Status AccessTokenFile::refresh(MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  auto token = read_access_token(files_, path_);
  if (!token) {
    if (token.error().code == Code::not_found) {
      end_before(now);  // a file that is gone was taken away, which is how people revoke
      state_ = State::none;
    } else {
      suspend();
    }
    return std::move(token).error();
  }
  const bool same = state_ != State::none && token->digest.matches(digest_);
  if (same && state_ == State::honoured) return ok();
  if (!same) end_before(now);
  digest_ = token->digest;
  state_ = State::suspended;  // until the store has it
  SALLYPORT_CHECK(store_.put(grant_for(digest_, now, kNever)));
  state_ = State::honoured;
  return ok();
}

std::optional<Digest> AccessTokenFile::current() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::honoured ? std::optional(digest_) : std::nullopt;
}

Grant AccessTokenFile::grant_for(const Digest& digest, MonotonicTime issued, MonotonicTime expires) const {
  Grant grant;
  grant.kind = CredentialKind::access_token;
  grant.digest = digest;
  grant.principal = principal_;
  grant.issued = issued;
  grant.expires = expires;
  grant.used = UsageMark(issued);
  grant.family = family_of(digest);
  return grant;
}

// take tells no observer: connections go on.
void AccessTokenFile::suspend() {
  if (state_ != State::honoured) return;
  (void)store_.take(digest_);
  state_ = State::suspended;
}

void AccessTokenFile::end_before(MonotonicTime now) {
  if (state_ == State::none) return;
  // Observers hear of a removal only from the store: a suspended token goes back for the moment, expired.
  if (state_ == State::suspended) (void)store_.put(grant_for(digest_, now, now));
  store_.remove_family(digest_);
}

}  // namespace sallyport
