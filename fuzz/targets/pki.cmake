# SPDX-License-Identifier: Apache-2.0
sallyport_fuzz(NAME pki_certificate DEPS pki)
sallyport_fuzz(NAME pki_names DEPS pki)
sallyport_fuzz(NAME pki_revocation_list DEPS pki)
