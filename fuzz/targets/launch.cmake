# SPDX-License-Identifier: Apache-2.0
sallyport_fuzz(NAME launch_command DEPS launch)
sallyport_fuzz(NAME launch_socket_table DEPS launch)
