// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/internal/paths.h"

#include <algorithm>

#include "sallyport/pki/internal/data.h"
#include "sallyport/pki/verify.h"

namespace sallyport::ossl {
namespace {

/// may_have_issued compares names, and key ids where both are there.
bool may_have_issued(const Certificate& issuer, const Certificate& certificate) noexcept {
  X509* const above = object_of(issuer);
  X509* const below = object_of(certificate);
  if (X509_NAME_cmp(X509_get_subject_name(above), X509_get_issuer_name(below)) != 0) return false;
  const ASN1_OCTET_STRING* const wanted = X509_get0_authority_key_id(below);
  const ASN1_OCTET_STRING* const own = X509_get0_subject_key_id(above);
  return wanted == nullptr || own == nullptr || ASN1_OCTET_STRING_cmp(wanted, own) == 0;
}

/// PathSearch goes depth first and keeps one path at a time.
class PathSearch {
 public:
  PathSearch(const std::vector<Certificate>& anchors, const std::vector<Certificate>& intermediates,
             const std::function<Search(const std::vector<Certificate>&)>& visit)
      : anchors_(anchors), intermediates_(intermediates), visit_(visit) {}

  Search from(const Certificate& certificate) {
    path_.push_back(certificate);
    const Search outcome = extend();
    path_.pop_back();
    return outcome;
  }

 private:
  Search extend() {
    if (++steps_ > kPathStepsMax) return Search::stop;
    const Certificate last = path_.back();
    if (std::ranges::find(anchors_, last) != anchors_.end() && visit() == Search::stop) return Search::stop;
    if (path_.size() >= kPathCertificatesMax) return Search::go_on;
    for (const Certificate& anchor : anchors_) {
      if (in_path(anchor) || !may_have_issued(anchor, last)) continue;
      path_.push_back(anchor);
      const Search outcome = visit();
      path_.pop_back();
      if (outcome == Search::stop) return Search::stop;
    }
    for (const Certificate& next : intermediates_) {
      if (in_path(next) || !may_have_issued(next, last)) continue;
      if (std::ranges::find(anchors_, next) != anchors_.end()) continue;
      if (from(next) == Search::stop) return Search::stop;
    }
    return Search::go_on;
  }

  Search visit() {
    if (++visited_ > kPathsMax) return Search::stop;
    return visit_(path_);
  }

  [[nodiscard]] bool in_path(const Certificate& certificate) const {
    return std::ranges::find(path_, certificate) != path_.end();
  }

  const std::vector<Certificate>& anchors_;
  const std::vector<Certificate>& intermediates_;
  const std::function<Search(const std::vector<Certificate>&)>& visit_;
  std::vector<Certificate> path_;
  std::size_t steps_ = 0;
  std::size_t visited_ = 0;
};

}  // namespace

void for_each_path(const Certificate& leaf, const std::vector<Certificate>& anchors,
                   const std::vector<Certificate>& intermediates,
                   const std::function<Search(const std::vector<Certificate>&)>& visit) {
  PathSearch(anchors, intermediates, visit).from(leaf);
}

}  // namespace sallyport::ossl
