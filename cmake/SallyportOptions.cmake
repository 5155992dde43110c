# SPDX-License-Identifier: Apache-2.0
# Compiler, warning, sanitizer and cache settings shared by every target of the project.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(pam REQUIRED IMPORTED_TARGET pam)
pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2)
find_package(SQLite3 3.40 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(sallyport_options INTERFACE)
target_compile_options(sallyport_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -fstack-protector-strong -fno-plt)
# GCC 12 warns about its own coroutine frames and about std::variant moves it cannot follow.
target_compile_options(sallyport_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
if(SALLYPORT_WERROR)
  target_compile_options(sallyport_options INTERFACE -Werror)
endif()
if(SALLYPORT_SANITIZE)
  target_compile_options(sallyport_options INTERFACE -fsanitize=${SALLYPORT_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(sallyport_options INTERFACE -fsanitize=${SALLYPORT_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND SALLYPORT_SANITIZE MATCHES "undefined")
    # Clang 14's check of function types cannot be assembled for coroutines that lie in sections of their own.
    target_compile_options(sallyport_options INTERFACE -fno-sanitize=function)
  endif()
else()
  target_compile_definitions(sallyport_options INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()
target_link_options(sallyport_options INTERFACE -Wl,-z,relro,-z,now)
