// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/refusal.h"

#include "sallyport/base/text.h"
#include "sallyport/http/list.h"

namespace sallyport {

bool wants_page(const RequestHead& head) noexcept {
  for (const HeaderField& field : head.fields) {
    if (field.id() != HeaderId::accept) continue;
    std::string_view rest = field.value();
    while (!rest.empty()) {
      const std::string_view range = next_list_item(rest);
      if (iequals(trimmed(range.substr(0, range.find(';'))), "text/html")) return true;
    }
  }
  return false;
}

RefusalShape refusal_for(const RequestHead& head) noexcept {
  if (head.upgrade != Upgrade::none) return RefusalShape::refused_handshake;
  const bool safe = head.method == Method::get || head.method == Method::head;
  if (!safe || head.fields.has(HeaderId::x_requested_with)) return RefusalShape::unauthorized_json;
  const HeaderField* mode = head.fields.find(HeaderId::sec_fetch_mode);
  const bool navigates = mode != nullptr ? mode->value() == "navigate" : wants_page(head);
  return navigates ? RefusalShape::redirect_to_login : RefusalShape::unauthorized_json;
}

}  // namespace sallyport
