# SPDX-License-Identifier: Apache-2.0
sallyport_fuzz(NAME plugin_handshake DEPS plugin)
sallyport_fuzz(NAME plugin_terms DEPS plugin base)
sallyport_fuzz(NAME plugin_conn_info DEPS plugin base)
sallyport_fuzz(NAME plugin_yamux DEPS plugin net net_testing env_testing)
sallyport_fuzz(NAME plugin_hclog DEPS plugin)
