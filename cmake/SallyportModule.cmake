# SPDX-License-Identifier: Apache-2.0

# sallyport_module(NAME store DEPS base credential [LIBS PkgConfig::sodium]) makes the library target of one folder under
# src/sallyport: its *.cc (testing/ excepted), a header file set that is checked for self-containment, its install rule.
# DEPS are modules; LIBS are third-party targets, always private, since public headers show std and sallyport only.
function(sallyport_module)
  cmake_parse_arguments(ARG "" "NAME" "DEPS;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  list(FILTER sources EXCLUDE REGEX "/testing/")
  set(public_headers ${headers})
  list(FILTER public_headers EXCLUDE REGEX "/(internal|testing)/")
  if(NOT sources)
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/empty.cc "// ${ARG_NAME} is header-only.\n")
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/empty.cc)
  endif()
  set(target sallyport_${ARG_NAME})
  add_library(${target} STATIC ${sources})
  add_library(sallyport::${ARG_NAME} ALIAS ${target})
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src FILES ${public_headers})
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON EXPORT_NAME ${ARG_NAME})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  list(TRANSFORM ARG_DEPS PREPEND sallyport_)
  target_link_libraries(${target} PUBLIC ${ARG_DEPS} PRIVATE $<BUILD_INTERFACE:sallyport_options> ${ARG_LIBS})
  install(TARGETS ${target} EXPORT sallyport COMPONENT development ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    COMPONENT development FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
  set_property(GLOBAL APPEND PROPERTY SALLYPORT_MODULES ${ARG_NAME})
  set_property(GLOBAL APPEND PROPERTY SALLYPORT_LIBS ${ARG_LIBS})
endfunction()

# sallyport_testing(NAME env DEPS env) makes sallyport_<name>_testing from the folder's testing/: fakes, never linked by an app.
function(sallyport_testing)
  cmake_parse_arguments(ARG "" "NAME" "DEPS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/testing/*.cc)
  if(NOT sources)
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/empty_testing.cc "// header-only.\n")
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/empty_testing.cc)
  endif()
  add_library(sallyport_${ARG_NAME}_testing STATIC EXCLUDE_FROM_ALL ${sources})
  list(TRANSFORM ARG_DEPS PREPEND sallyport_)
  target_link_libraries(sallyport_${ARG_NAME}_testing PUBLIC ${ARG_DEPS} PRIVATE sallyport_options ${ARG_LIBS})
endfunction()

# sallyport_unit_test(NAME http DEPS http env_testing) makes the test binary unit_<name> from tests/unit/<name>/*.cc.
function(sallyport_unit_test)
  cmake_parse_arguments(ARG "" "NAME" "DEPS;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/unit/${ARG_NAME}/*.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(unit_${ARG_NAME} ${sources})
  list(TRANSFORM ARG_DEPS PREPEND sallyport_)
  target_include_directories(unit_${ARG_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(unit_${ARG_NAME} PRIVATE ${ARG_DEPS} ${ARG_LIBS} sallyport_options GTest::gmock_main)
  gtest_discover_tests(unit_${ARG_NAME} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 120
    TEST_PREFIX "${ARG_NAME}." DISCOVERY_TIMEOUT 60)
endfunction()

# sallyport_fuzz(NAME http_head DEPS http) makes fuzz_<name> from fuzz/<name>_fuzz.cc: with SALLYPORT_FUZZ a libFuzzer program,
# otherwise a plain test that runs the corpus of fuzz/corpus/<name>.
function(sallyport_fuzz)
  cmake_parse_arguments(ARG "" "NAME" "DEPS" ${ARGN})
  list(TRANSFORM ARG_DEPS PREPEND sallyport_)
  if(SALLYPORT_FUZZ)
    add_executable(fuzz_${ARG_NAME} ${ARG_NAME}_fuzz.cc)
    target_link_options(fuzz_${ARG_NAME} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(fuzz_${ARG_NAME} ${ARG_NAME}_fuzz.cc replay_main.cc)
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${ARG_NAME})
    add_test(NAME fuzz.corpus.${ARG_NAME} COMMAND fuzz_${ARG_NAME} ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${ARG_NAME})
  endif()
  target_link_libraries(fuzz_${ARG_NAME} PRIVATE ${ARG_DEPS} sallyport_options)
  add_dependencies(fuzz_targets fuzz_${ARG_NAME})
endfunction()
