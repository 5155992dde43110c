# SPDX-License-Identifier: Apache-2.0
# Makes an installation look like that of another version, installs over it, and looks whether the package is whole.
file(APPEND ${INSTALLED}/sallyport-targets.cmake "# of another version\n")
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX} COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
foreach(file sallyport-config.cmake sallyport-config-version.cmake sallyport-targets.cmake)
  if(NOT EXISTS ${INSTALLED}/${file})
    message(FATAL_ERROR "an installation over an older one lacks ${file}")
  endif()
endforeach()
