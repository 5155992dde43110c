// SPDX-License-Identifier: Apache-2.0
#include "sallyport/tls/cascade.h"

#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/tls/given_files.h"
#include "sallyport/tls/local_authority.h"
#include "sallyport/tls/mkcert.h"

namespace sallyport {
namespace {

/// Somebody who asks for Tailscale by name waits for the first certificate, which a public authority makes.
constexpr Duration kAskedPatience = std::chrono::minutes(3);

Status in_time(const SourcedIdentity& found, TlsTier tier, WallTime now) {
  if (tier == TlsTier::given_files) return ok();
  if (now < found.identity.not_before) return fail(Code::unavailable, "its certificate is not valid yet");
  if (now > found.identity.not_after) return fail(Code::unavailable, "its certificate is over");
  return ok();
}

}  // namespace

TlsCascade TlsCascade::make(const TlsWish& wish, const TlsPowers& powers) {
  std::vector<std::unique_ptr<TlsSource>> sources;
  const auto wanted = [&wish](TlsTier tier) {
    return wish.only ? *wish.only == tier : tier != TlsTier::given_files;
  };
  if (wanted(TlsTier::given_files))
    sources.push_back(std::make_unique<GivenFiles>(powers.files, wish.certificate_file, wish.key_file));
  if (wanted(TlsTier::tailscale)) {
    TailscaleWish tailscale = wish.tailscale;
    if (wish.only) tailscale = TailscaleWish{{}, {}, kAskedPatience};
    sources.push_back(std::make_unique<Tailscale>(TailscaleApi(powers.monotonic, wish.tailscale_socket),
                                                  powers.monotonic, std::move(tailscale)));
  }
  if (wanted(TlsTier::mkcert))
    sources.push_back(std::make_unique<Mkcert>(powers.files, powers.entropy, powers.monotonic,
                                               powers.environment, wish.dir, wish.names));
  if (wanted(TlsTier::local_authority))
    sources.push_back(std::make_unique<LocalAuthority>(powers.files, powers.entropy, wish.dir, wish.names));
  return TlsCascade(std::move(sources), powers.monotonic);
}

Result<TlsChoice> TlsCascade::choose(WallTime now, TlsTier last) {
  TlsChoice choice;
  Error fault = fail(Code::unavailable, "no source of certificates is left");
  for (const auto& source : sources_) {
    const TlsTier tier = source->tier();
    if (tier > last) break;
    auto found = source->obtain(now, after(monotonic_->now(), std::min(source->patience(), patience_max_)));
    auto judged = found ? in_time(*found, tier, now) : Status(found.error());
    if (judged) {
      choice.tier = tier;
      choice.serving = *std::move(found);
      return choice;
    }
    fault = std::move(judged).error();
    choice.passed_over.push_back({tier, fault.what});
  }
  if (choice.passed_over.size() <= 1) return fault;
  std::string all;
  for (const auto& passed : choice.passed_over)
    all += concat(all.empty() ? "" : "; ", name_of(passed.tier), ": ", passed.why);
  return fail(Code::unavailable, concat("no source has a certificate: ", all));
}

TlsLook TlsCascade::look(WallTime now) {
  TlsLook look;
  for (const auto& source : sources_) {
    auto found = source->look(now, after(monotonic_->now(), std::min(source->patience(), patience_max_)));
    if (found) {
      look.tier = source->tier();
      look.would = *std::move(found);
      return look;
    }
    look.passed_over.push_back({source->tier(), found.error().what});
  }
  return look;
}

std::vector<std::string> TlsCascade::watched(TlsTier last) const {
  std::vector<std::string> paths;
  for (const auto& source : sources_) {
    if (source->tier() > last) break;
    for (auto& path : source->watched()) paths.push_back(std::move(path));
  }
  return paths;
}

}  // namespace sallyport
