// SPDX-License-Identifier: Apache-2.0
// A program that is nothing but a shepherd.
#include "sallyport/launch/shepherd.h"

int main(int argc, char** argv) { return sallyport::run_as_shepherd(argc, argv).value_or(2); }
