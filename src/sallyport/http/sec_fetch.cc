// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/sec_fetch.h"

#include <span>
#include <string_view>

namespace sallyport {
namespace {

template <class Value>
struct Spelling {
  std::string_view text;
  Value value;
};
constexpr Spelling<FetchSite> kSites[] = {{"none", FetchSite::none},
                                          {"same-origin", FetchSite::same_origin},
                                          {"same-site", FetchSite::same_site},
                                          {"cross-site", FetchSite::cross_site}};
constexpr Spelling<FetchMode> kModes[] = {{"navigate", FetchMode::navigate},
                                          {"cors", FetchMode::cors},
                                          {"no-cors", FetchMode::no_cors},
                                          {"same-origin", FetchMode::same_origin},
                                          {"websocket", FetchMode::websocket}};

template <class Value, std::size_t N>
Value read_one(const HeaderFields& fields, HeaderId id, const Spelling<Value> (&spellings)[N]) noexcept {
  if (!fields.has(id)) return Value::absent;
  for (const auto& spelling : spellings) {
    if (spelling.text == fields.value_of(id)) return spelling.value;
  }
  return Value::unknown;
}

}  // namespace

SecFetch SecFetch::read(const HeaderFields& fields) noexcept {
  return {read_one(fields, HeaderId::sec_fetch_site, kSites),
          read_one(fields, HeaderId::sec_fetch_mode, kModes),
          fields.value_of(HeaderId::sec_fetch_dest) == "document"};
}

SecFetchVerdict judge_sec_fetch(const SecFetch& fetch, Method method) noexcept {
  if (fetch.mode == FetchMode::unknown) return SecFetchVerdict::foreign;
  switch (fetch.site) {
    case FetchSite::absent:
    case FetchSite::none:
    case FetchSite::same_origin:
      return SecFetchVerdict::own;
    case FetchSite::same_site:
    case FetchSite::cross_site:
      break;
    case FetchSite::unknown:
      return SecFetchVerdict::foreign;
  }
  const bool safe = method == Method::get || method == Method::head;
  const bool navigates = safe && fetch.mode == FetchMode::navigate && fetch.document;
  return navigates ? SecFetchVerdict::navigation : SecFetchVerdict::foreign;
}

}  // namespace sallyport
