# SPDX-License-Identifier: Apache-2.0
sallyport_fuzz(NAME plugin_handshake DEPS plugin)
