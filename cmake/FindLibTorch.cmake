# Finds LibTorch inside an unpacked PyPI wheel of torch and offers it as imported targets.
#
# The wheel's own TorchConfig.cmake insists on a CUDA toolkit and links libraries a CPU build does not need, so the
# targets are made here:
#   LibTorch::cpu    libtorch_cpu + libc10
#   LibTorch::cuda   adds libtorch_cuda + libc10_cuda + the wheel's libcudart (only where the wheel is complete)
# Input: FSC_LIBTORCH_ROOT, a folder that holds torch/ and nvidia/ (scripts/setup makes .deps/libtorch).
set(FSC_LIBTORCH_ROOT "${PROJECT_SOURCE_DIR}/.deps/libtorch" CACHE PATH "Folder with the unpacked torch wheel (torch/, nvidia/)")

find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS "${FSC_LIBTORCH_ROOT}/torch/lib" NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 PATHS "${FSC_LIBTORCH_ROOT}/torch/lib" NO_DEFAULT_PATH)
find_library(LibTorch_CUDA_LIBRARY torch_cuda PATHS "${FSC_LIBTORCH_ROOT}/torch/lib" NO_DEFAULT_PATH)
find_library(LibTorch_C10_CUDA_LIBRARY c10_cuda PATHS "${FSC_LIBTORCH_ROOT}/torch/lib" NO_DEFAULT_PATH)
file(GLOB LibTorch_CUDART_LIBRARY "${FSC_LIBTORCH_ROOT}/nvidia/*/lib/libcudart.so.*")
find_path(LibTorch_INCLUDE_DIR torch/types.h PATHS "${FSC_LIBTORCH_ROOT}/torch/include/torch/csrc/api/include"
          "${FSC_LIBTORCH_ROOT}/torch/include" NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run scripts/setup first: it unpacks LibTorch into .deps/libtorch")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  set(LibTorch_LIB_DIR "${FSC_LIBTORCH_ROOT}/torch/lib")
  file(GLOB LibTorch_NVIDIA_LIB_DIRS "${FSC_LIBTORCH_ROOT}/nvidia/*/lib")
  # The libraries CPU programs load at run time, copied by `cmake --install`.
  file(GLOB LibTorch_RUNTIME_LIBRARIES "${LibTorch_LIB_DIR}/libtorch_cpu.so" "${LibTorch_LIB_DIR}/libc10.so"
       "${LibTorch_LIB_DIR}/libgomp*.so*" "${FSC_LIBTORCH_ROOT}/nvidia/*/lib/libcudart.so.*" "${FSC_LIBTORCH_ROOT}/nvidia/*/lib/libcupti.so.*")

  add_library(LibTorch::cpu INTERFACE IMPORTED)
  # -idirafter: the wheel bundles fmt 12, which must not shadow the system's fmt.
  foreach(folder torch/include torch/include/torch/csrc/api/include)
    target_compile_options(LibTorch::cpu INTERFACE
      "SHELL:$<$<COMPILE_LANGUAGE:CXX>:-idirafter ${FSC_LIBTORCH_ROOT}/${folder}>"
      "SHELL:$<$<COMPILE_LANGUAGE:CUDA>:-isystem ${FSC_LIBTORCH_ROOT}/${folder}>")
  endforeach()
  # at::parallel_for is a plain loop in code that is compiled without OpenMP. gomp: at run time LibTorch's own, by its soname.
  target_compile_options(LibTorch::cpu INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-fopenmp>")
  target_link_libraries(LibTorch::cpu INTERFACE gomp)
  target_link_options(LibTorch::cpu INTERFACE
    "LINKER:--unresolved-symbols=ignore-in-shared-libs")
  target_link_libraries(LibTorch::cpu INTERFACE
    "-Wl,--no-as-needed" "${LibTorch_CPU_LIBRARY}" "-Wl,--as-needed" "${LibTorch_C10_LIBRARY}")

  if(LibTorch_CUDA_LIBRARY AND LibTorch_C10_CUDA_LIBRARY)
    add_library(LibTorch::cuda INTERFACE IMPORTED)
    target_link_libraries(LibTorch::cuda INTERFACE LibTorch::cpu
      "-Wl,--push-state,--no-as-needed,${LibTorch_CUDA_LIBRARY},--pop-state"  # one word: CMake takes repeated ones for duplicates
      "${LibTorch_C10_CUDA_LIBRARY}" ${LibTorch_CUDART_LIBRARY})
  endif()
endif()
