# SPDX-License-Identifier: Apache-2.0
sallyport_fuzz(NAME cred_token DEPS credential)
sallyport_fuzz(NAME cred_cookie DEPS credential)
sallyport_fuzz(NAME cred_password_file DEPS credential)
