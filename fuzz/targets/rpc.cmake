# SPDX-License-Identifier: Apache-2.0
sallyport_fuzz(NAME net_http2_server DEPS net)
sallyport_fuzz(NAME rpc_framing DEPS rpc)
