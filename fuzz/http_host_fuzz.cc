// SPDX-License-Identifier: Apache-2.0
// Hosts and origins: what parses is canonical and finds itself in a list; what does not is in no list.
#include <cstddef>
#include <cstdint>

#include "http_fuzz_check.h"
#include "sallyport/base/text.h"
#include "sallyport/http/host.h"
#include "sallyport/http/origin.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text = text_of(data, size);
  HostList other(Scheme::http);
  other.add(*HostPort::parse("unlikely.example:1"));
  const auto host = HostPort::parse(text);
  if (!host) {
    CHECK(host.error().code == Code::invalid_argument);
    CHECK(!other.allows(text));
  } else {
    const auto again = HostPort::parse(host->str());
    CHECK(again && *again == *host);
    HostList list(Scheme::http);
    CHECK(!list.allows(text));
    list.add(*host);
    CHECK(list.allows(text) && list.allows(host->str()));
    const Origin origin = Origin::of("http", *host);
    OriginList origins;
    CHECK(origins.judge(origin.str()) == OriginVerdict::not_listed);
    origins.add(origin);
    CHECK(origins.judge(origin.str()) == OriginVerdict::listed);
    CHECK(origins.judge(concat("http://", text)) == OriginVerdict::listed);
  }
  const auto origin = Origin::parse(text);
  if (origin) CHECK(Origin::parse(origin->str())->str() == origin->str());
  return 0;
}
