# fsc_area(<name> [TORCH] [DEPS area...] [LIBS target...])
# One static library fsc_<name> from src/<name>/*.cpp, fsc::<name> to those who find_package(fsc), and one test program fsc_<name>_test from tests/<name>/*_test.cpp.
# DEPS are the areas it includes: the arrow rule of docs/architecture.md, stated where the linker enforces it.
function(fsc_area name)
  cmake_parse_arguments(A "TORCH" "" "DEPS;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.cpp")
  add_library(fsc_${name} STATIC ${sources})
  list(TRANSFORM A_DEPS PREPEND fsc_ OUTPUT_VARIABLE deps)
  target_include_directories(fsc_${name}
    PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:include>" PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_compile_features(fsc_${name} PUBLIC cxx_std_20)
  target_link_libraries(fsc_${name} PUBLIC ${deps} PRIVATE ${A_LIBS} "$<BUILD_INTERFACE:fsc_flags>")
  set_target_properties(fsc_${name} PROPERTIES EXPORT_NAME ${name})
  set_property(GLOBAL APPEND PROPERTY FSC_AREAS ${name})
  fsc_compile_together(fsc_${name})
  if(A_TORCH)
    target_link_libraries(fsc_${name} PUBLIC LibTorch::cpu)
    target_precompile_headers(fsc_${name} REUSE_FROM fsc_pch)
  endif()
  fsc_tests(${name} fsc_${name} ${A_LIBS})
endfunction()

# With FSC_UNITY several small files are one compilation: what they include is parsed once.
function(fsc_compile_together target)
  if(FSC_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 5)
  endif()
endfunction()

# fsc_tests(<name> libraries...): the test program fsc_<name>_test from tests/<name>/*_test.cpp.
function(fsc_tests name)
  if(NOT FSC_TESTS)
    return()
  endif()
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${name}/*_test.cpp")
  if(NOT tests)
    return()
  endif()
  add_executable(fsc_${name}_test ${tests})
  target_include_directories(fsc_${name}_test PRIVATE "${PROJECT_SOURCE_DIR}/tests" "${PROJECT_SOURCE_DIR}/src")
  target_compile_definitions(fsc_${name}_test PRIVATE
    FSC_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data" FSC_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    FSC_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  target_link_libraries(fsc_${name}_test PRIVATE ${ARGN} fsc_flags fsc_test_flags LibTorch::cpu GTest::gtest GTest::gtest_main)
  fsc_compile_together(fsc_${name}_test)
  target_precompile_headers(fsc_${name}_test REUSE_FROM fsc_test_pch)
  set_target_properties(fsc_${name}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  gtest_discover_tests(fsc_${name}_test DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS ${name} TIMEOUT 600
    ENVIRONMENT "FSC_ASSETS_DIR=${PROJECT_SOURCE_DIR}/assets")
endfunction()

# fsc_app(<executable> <source> areas...)
function(fsc_app name source)
  list(TRANSFORM ARGN PREPEND fsc_ OUTPUT_VARIABLE deps)
  add_executable(${name} "${PROJECT_SOURCE_DIR}/src/apps/${source}")
  target_link_libraries(${name} PRIVATE ${deps} fsc_flags CLI11::CLI11 fsc_spdlog LibTorch::cpu)
  target_precompile_headers(${name} REUSE_FROM fsc_pch)
  fsc_compile_together(${name})
  install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()

# fsc_instruction_sets(<folder>): its files *_portable.cpp, *_avx2.cpp, *_avx512.cpp and *_avx512_bf16.cpp hold the same loops, each for one
# instruction set; the program chooses among them when it runs. -Wno-psabi: their vectors are wider than the calling convention
# knows, but no such function is called from outside. Other processors than x86-64 have the portable loops alone: the other files are then
# compiled like them, and never chosen.
function(fsc_instruction_sets folder)
  set(loops "-O3;-Wno-psabi;-ffp-contract=fast")
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    set(flags_avx2 "-mavx2;-mfma;-mf16c")
    set(flags_avx512 "-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mfma;-mprefer-vector-width=512")
    set(flags_avx512_bf16 "${flags_avx512};-mavx512bf16")
  endif()
  foreach(set portable avx2 avx512 avx512_bf16)
    file(GLOB files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/*_${set}.cpp")
    set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS "${loops};${flags_${set}}" SKIP_PRECOMPILE_HEADERS ON)
  endforeach()
endfunction()
