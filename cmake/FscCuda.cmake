# The CUDA half of a build with FSC_CUDA: nvcc for *.cu, and NVTX's header. Libraries are the wheel's alone (LibTorch::cuda).
if(NOT DEFINED ENV{CUDACXX})
  find_program(CMAKE_CUDA_COMPILER nvcc PATHS /usr/local/cuda/bin REQUIRED)
endif()
set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 100 CACHE STRING "Devices that kernels are compiled for; the last one as PTX for later ones, too")
set(CMAKE_CUDA_RUNTIME_LIBRARY None)  # the wheel's: two of them in one program would each have their own state
enable_language(CUDA)
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)  # which CMake 3.25 does not know of nvcc
set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
find_path(FSC_CUDA_INCLUDE_DIR nvtx3/nvToolsExt.h PATHS "${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES}" REQUIRED)

add_library(fsc_cuda INTERFACE)
target_compile_definitions(fsc_cuda INTERFACE FSC_CUDA)
target_include_directories(fsc_cuda SYSTEM INTERFACE "${FSC_CUDA_INCLUDE_DIR}")
target_compile_options(fsc_cuda INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr;-Xcompiler=-Wall>")

# fsc_cuda_sources(<area>): its *.cu in place of what stands in for them without CUDA (no_cuda.cpp).
function(fsc_cuda_sources area)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${area}/*.cu")
  target_sources(fsc_${area} PRIVATE ${sources})
  set_source_files_properties(${sources} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  file(GLOB_RECURSE stand_ins "${PROJECT_SOURCE_DIR}/src/${area}/no_cuda.cpp")
  set_source_files_properties(${stand_ins} PROPERTIES HEADER_FILE_ONLY ON)
  target_link_libraries(fsc_${area} PUBLIC LibTorch::cuda PRIVATE $<BUILD_INTERFACE:fsc_cuda>)
endfunction()
