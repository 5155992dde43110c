#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and runs the consumers with nothing but a compiler and pkg-config. usage: pkg_config.sh COMPILER PCDIR WORKDIR
set -euo pipefail
compiler=$1 work=$3
export PKG_CONFIG_PATH=$2
mkdir -p "$work"
read -ra cflags <<<"$(pkg-config --cflags sallyport)"
read -ra libs <<<"$(pkg-config --libs sallyport)"
for consumer in cookie gate whole; do
  "$compiler" -std=c++20 "${cflags[@]}" "$(dirname "$0")/consumer/$consumer.cc" -o "$work/$consumer" "${libs[@]}"
  "$work/$consumer"
done
