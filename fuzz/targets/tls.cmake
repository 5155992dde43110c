# SPDX-License-Identifier: Apache-2.0
sallyport_fuzz(NAME tls_tailscale DEPS tls pki)
sallyport_fuzz(NAME tls_deny_list DEPS tls config)
