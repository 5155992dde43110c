# SPDX-License-Identifier: Apache-2.0
# Installing: the CMake package (find_package(sallyport)), the pkg-config file and the Debian package.
include(CMakePackageConfigHelpers)
configure_package_config_file(${CMAKE_CURRENT_SOURCE_DIR}/cmake/sallyport-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/sallyport-config.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sallyport)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/sallyport-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sallyport-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/sallyport-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sallyport)
install(EXPORT sallyport NAMESPACE sallyport:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sallyport)

get_property(modules GLOBAL PROPERTY SALLYPORT_MODULES)
set(SALLYPORT_PC_LIBS "")
foreach(module IN LISTS modules)
  string(APPEND SALLYPORT_PC_LIBS " -lsallyport_${module}")
endforeach()
configure_file(${CMAKE_CURRENT_SOURCE_DIR}/cmake/sallyport.pc.in ${CMAKE_CURRENT_BINARY_DIR}/sallyport.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sallyport.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The sallyport maintainers <maintainers@sallyport.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
include(CPack)
