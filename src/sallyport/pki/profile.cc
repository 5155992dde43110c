// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/verify.h"

namespace sallyport {

Profile Profile::foreign() {
  Profile profile;
  profile.basic_constraints = Rule::off;  // mkcert's leaves carry none
  profile.key_usage = Rule::off;
  profile.exact_use = Rule::off;
  profile.common_name_in_names = Rule::off;
  profile.wildcards = Rule::on;
  profile.rsa = Rule::on;
  profile.p521 = Rule::on;
  profile.life_max = std::nullopt;
  return profile;
}

}  // namespace sallyport
