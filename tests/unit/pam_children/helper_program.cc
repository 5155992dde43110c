// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pam/pam_helper.h"

int main(int argc, char** argv) { return sallyport::run_as_pam_helper(argc, argv).value_or(64); }
