# Finds LibTorch inside an unpacked PyPI wheel of torch and offers it as imported targets.
#
# The wheel's own TorchConfig.cmake insists on a CUDA toolkit and links libraries a CPU build does not need, so the
# targets are made here:
#   LibTorch::cpu    libtorch_cpu + libc10
#   LibTorch::cuda   adds libtorch_cuda + libc10_cuda (only where the wheel is complete)
# Input: FSC_LIBTORCH_ROOT, a folder that holds torch/ and nvidia/ (scripts/setup makes .deps/libtorch).
set(FSC_LIBTORCH_ROOT "${PROJECT_SOURCE_DIR}/.deps/libtorch" CACHE PATH "Folder with the unpacked torch wheel (torch/, nvidia/)")

find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS "${FSC_LIBTORCH_ROOT}/torch/lib" NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 PATHS "${FSC_LIBTORCH_ROOT}/torch/lib" NO_DEFAULT_PATH)
find_library(LibTorch_CUDA_LIBRARY torch_cuda PATHS "${FSC_LIBTORCH_ROOT}/torch/lib" NO_DEFAULT_PATH)
find_library(LibTorch_C10_CUDA_LIBRARY c10_cuda PATHS "${FSC_LIBTORCH_ROOT}/torch/lib" NO_DEFAULT_PATH)
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
  target_compile_options(LibTorch::cpu INTERFACE
    "SHELL:-idirafter ${FSC_LIBTORCH_ROOT}/torch/include"
    "SHELL:-idirafter ${FSC_LIBTORCH_ROOT}/torch/include/torch/csrc/api/include")
  target_link_options(LibTorch::cpu INTERFACE
    "LINKER:--unresolved-symbols=ignore-in-shared-libs")
  target_link_libraries(LibTorch::cpu INTERFACE
    "-Wl,--no-as-needed" "${LibTorch_CPU_LIBRARY}" "-Wl,--as-needed" "${LibTorch_C10_LIBRARY}")

  if(LibTorch_CUDA_LIBRARY AND LibTorch_C10_CUDA_LIBRARY)
    add_library(LibTorch::cuda INTERFACE IMPORTED)
    target_link_libraries(LibTorch::cuda INTERFACE LibTorch::cpu
      "-Wl,--no-as-needed" "${LibTorch_CUDA_LIBRARY}" "-Wl,--as-needed" "${LibTorch_C10_CUDA_LIBRARY}")
  endif()
endif()
