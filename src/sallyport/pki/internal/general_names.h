// SPDX-License-Identifier: Apache-2.0
// GeneralName (RFC 5280 section 4.2.1.6) to our names and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sallyport/pki/internal/openssl.h"
#include "sallyport/pki/names.h"

namespace sallyport::ossl {

/// subject_name_of gives a DNS, IP or URI name in canonical form; nullopt for other types and odd forms.
std::optional<SubjectName> subject_name_of(const GENERAL_NAME& general);
/// describe writes any name for people, escaped: "email:a@b.example", "dns:a_b".
std::string describe(const GENERAL_NAME& general);
/// text_of is the raw text of a DNS, e-mail or URI name; empty for others.
std::string_view text_of(const GENERAL_NAME& general) noexcept;
/// general_names_of makes the list of an extension; nullptr where memory fails.
GeneralNames general_names_of(const std::vector<SubjectName>& names);

}  // namespace sallyport::ossl
