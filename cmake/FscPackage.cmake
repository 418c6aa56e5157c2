# Installs the libraries for other programs: find_package(fsc) gives fsc::fsc, all areas, and each as fsc::<area>.
# Component "sdk": headers, static libraries and what finds them; the programs with what they need at run time are the rest.
include(CMakePackageConfigHelpers)
set(package lib/cmake/fsc)

get_property(areas GLOBAL PROPERTY FSC_AREAS)
list(TRANSFORM areas PREPEND fsc_ OUTPUT_VARIABLE libraries)
add_library(fsc_fsc INTERFACE)
set_target_properties(fsc_fsc PROPERTIES EXPORT_NAME fsc)
target_link_libraries(fsc_fsc INTERFACE ${libraries})

install(TARGETS fsc_fsc ${libraries} EXPORT fscTargets ARCHIVE DESTINATION lib/fsc COMPONENT sdk)
install(EXPORT fscTargets NAMESPACE fsc:: DESTINATION ${package} COMPONENT sdk)
install(DIRECTORY include/fsc DESTINATION include COMPONENT sdk)
configure_package_config_file(cmake/fscConfig.cmake.in "${PROJECT_BINARY_DIR}/fscConfig.cmake" INSTALL_DESTINATION ${package}
  NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/fscConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/fscConfig.cmake" "${PROJECT_BINARY_DIR}/fscConfigVersion.cmake" cmake/FindLibTorch.cmake
  DESTINATION ${package} COMPONENT sdk)
install(FILES third_party/CMakeLists.txt DESTINATION ${package} RENAME fscThirdParty.cmake COMPONENT sdk)
install(FILES third_party/packages.tsv DESTINATION ${package} COMPONENT sdk)
