# SPDX-License-Identifier: Apache-2.0
# sallyport_pytest(KIND kind TIMEOUT seconds FILES a.py ...): one ctest test for each file, named kind.<file>, run by the
# Python that has pytest, on the binary of this build. Ends with 77, and so as skipped, where a tool is missing.

function(sallyport_find_pytest out)
  foreach(candidate /usr/bin/python3 python3)
    execute_process(COMMAND ${candidate} -c "import pytest" RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(NOT failed)
      set(${out} ${candidate} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "no Python with pytest: install the package python3-pytest (make test does), or set SALLYPORT_TESTS=OFF")
endfunction()

function(sallyport_pytest)
  cmake_parse_arguments(ARG "" "KIND;TIMEOUT" "FILES;LOCKS" ${ARGN})
  sallyport_find_pytest(python)
  foreach(file IN LISTS ARG_FILES)
    get_filename_component(stem ${file} NAME_WE)
    string(REGEX REPLACE "^test_" "" stem ${stem})
    set(name ${ARG_KIND}.${stem})
    add_test(NAME ${name} COMMAND ${python} ${PROJECT_SOURCE_DIR}/tests/e2e/run_pytest.py ${file} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES
      LABELS ${ARG_KIND} TIMEOUT ${ARG_TIMEOUT} SKIP_RETURN_CODE 77
      ENVIRONMENT "SALLYPORT_BIN=$<TARGET_FILE:sallyport>;SALLYPORT_BUILD=${PROJECT_SOURCE_DIR}/build;PYTHONDONTWRITEBYTECODE=1")
    if(ARG_LOCKS)
      set_tests_properties(${name} PROPERTIES RESOURCE_LOCK "${ARG_LOCKS}")
    endif()
  endforeach()
endfunction()
