# Finds LibTorch and offers it as imported targets.
#
# The wheel's own TorchConfig.cmake insists on a CUDA toolkit and links libraries a CPU build does not need, so the
# targets are made here:
#   LibTorch::cpu    libtorch_cpu + libc10
#   LibTorch::cuda   adds libtorch_cuda + libc10_cuda + libcudart (only where LibTorch is complete)
# Input: FSC_LIBTORCH_ROOT, one of
#   a folder with torch/ and nvidia/: unpacked wheels (scripts/setup makes .deps/libtorch), or an environment's site-packages
#   a folder with lib/ and include/: LibTorch by itself, or the prefix of a distribution that installs it so
# Output beside the targets: LibTorch_VERSION, LibTorch_LIB_DIR, LibTorch_NVIDIA_LIB_DIRS, LibTorch_NVIDIA_INCLUDE_DIRS,
# LibTorch_RUNTIME_LIBRARIES.
set(FSC_LIBTORCH_ROOT "${PROJECT_SOURCE_DIR}/.deps/libtorch" CACHE PATH "Folder with LibTorch: torch/ and nvidia/, or lib/ and include/")
set(LibTorch_OLDEST 2.11)
set(LibTorch_NEWEST 2.15)

# A folder that is given may differ from the last time: nothing found in the old one is kept.
if(NOT "${LibTorch_FOUND_IN}" STREQUAL "${FSC_LIBTORCH_ROOT}")
  foreach(found CPU_LIBRARY C10_LIBRARY CUDA_LIBRARY C10_CUDA_LIBRARY INCLUDE_DIR)
    unset(LibTorch_${found} CACHE)
  endforeach()
  set(LibTorch_FOUND_IN "${FSC_LIBTORCH_ROOT}" CACHE INTERNAL "")
endif()
set(LibTorch_HOME "${FSC_LIBTORCH_ROOT}/torch")
if(NOT EXISTS "${LibTorch_HOME}/lib/libtorch_cpu.so" AND EXISTS "${FSC_LIBTORCH_ROOT}/lib/libtorch_cpu.so")
  set(LibTorch_HOME "${FSC_LIBTORCH_ROOT}")
endif()
set(LibTorch_LIB_DIR "${LibTorch_HOME}/lib")
find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS "${LibTorch_LIB_DIR}" NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 PATHS "${LibTorch_LIB_DIR}" NO_DEFAULT_PATH)
find_library(LibTorch_CUDA_LIBRARY torch_cuda PATHS "${LibTorch_LIB_DIR}" NO_DEFAULT_PATH)
find_library(LibTorch_C10_CUDA_LIBRARY c10_cuda PATHS "${LibTorch_LIB_DIR}" NO_DEFAULT_PATH)
find_path(LibTorch_INCLUDE_DIR torch/types.h PATHS "${LibTorch_HOME}/include/torch/csrc/api/include" "${LibTorch_HOME}/include"
          NO_DEFAULT_PATH)

# Wheels of CUDA 13 share nvidia/cu13, those of CUDA 12 have a folder each (cuda_runtime, cuda_cupti); LibTorch by itself has all in lib/.
file(GLOB LibTorch_NVIDIA_LIB_DIRS "${FSC_LIBTORCH_ROOT}/nvidia/*/lib")
file(GLOB LibTorch_NVIDIA_INCLUDE_DIRS "${FSC_LIBTORCH_ROOT}/nvidia/*/include")
file(GLOB LibTorch_CUDART_LIBRARY "${FSC_LIBTORCH_ROOT}/nvidia/*/lib/libcudart.so.*" "${LibTorch_LIB_DIR}/libcudart*.so.*")

set(version_header "${LibTorch_HOME}/include/torch/headeronly/version.h")
if(EXISTS "${version_header}")
  set(LibTorch_VERSION "")
  foreach(part MAJOR MINOR PATCH)
    file(STRINGS "${version_header}" line REGEX "^#define TORCH_VERSION_${part} [0-9]+")
    string(REGEX MATCH "[0-9]+$" number "${line}")
    list(APPEND LibTorch_VERSION "${number}")
  endforeach()
  list(JOIN LibTorch_VERSION "." LibTorch_VERSION)
elseif(EXISTS "${LibTorch_HOME}/version.py")
  file(STRINGS "${LibTorch_HOME}/version.py" line REGEX "^__version__")
  string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" LibTorch_VERSION "${line}")
endif()
if(LibTorch_CPU_LIBRARY)
  string(REGEX MATCH "^[0-9]+\\.[0-9]+" minor "${LibTorch_VERSION}")
  if(minor STREQUAL "" OR minor VERSION_LESS LibTorch_OLDEST OR minor VERSION_GREATER LibTorch_NEWEST)
    message(FATAL_ERROR "${FSC_LIBTORCH_ROOT} holds torch ${LibTorch_VERSION}; fsc needs ${LibTorch_OLDEST} to ${LibTorch_NEWEST}. "
      "Name a folder with one of these (-DFSC_LIBTORCH_ROOT=FOLDER), or let scripts/setup fetch LibTorch into .deps/libtorch")
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "it is not in ${FSC_LIBTORCH_ROOT}: run scripts/setup, which unpacks it into .deps/libtorch, or name a folder that has it by -DFSC_LIBTORCH_ROOT=FOLDER")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  # The libraries CPU programs load at run time, copied by `cmake --install`.
  file(GLOB LibTorch_RUNTIME_LIBRARIES "${LibTorch_LIB_DIR}/libtorch_cpu.so" "${LibTorch_LIB_DIR}/libc10.so"
       "${LibTorch_LIB_DIR}/libgomp*.so*" "${FSC_LIBTORCH_ROOT}/nvidia/*/lib/libcudart.so.*" "${FSC_LIBTORCH_ROOT}/nvidia/*/lib/libcupti.so.*"
       "${LibTorch_LIB_DIR}/libcudart*.so.*" "${LibTorch_LIB_DIR}/libcupti*.so.*")
  if(FSC_CUDA)  # what libtorch_cuda.so loads is all of CUDA's libraries, some by dlopen and by each other; these four nobody asks for
    file(GLOB cuda_libraries "${LibTorch_LIB_DIR}/lib*_cuda*.so" "${LibTorch_LIB_DIR}/libtorch_nvshmem.so" "${LibTorch_LIB_DIR}/libcaffe2_nvrtc.so"
         "${FSC_LIBTORCH_ROOT}/nvidia/*/lib/lib*.so.*")
    list(FILTER cuda_libraries EXCLUDE REGEX "/lib(cusolverMg|cufftw|nvblas|cufile_rdma)\\.so")
    list(APPEND LibTorch_RUNTIME_LIBRARIES ${cuda_libraries})
    list(REMOVE_DUPLICATES LibTorch_RUNTIME_LIBRARIES)
  endif()
  # And what libtorch_cpu.so loads for aarch64's matrix products.
  file(GLOB aarch64_libraries "${LibTorch_LIB_DIR}/libarm_compute*.so*" "${LibTorch_LIB_DIR}/libnvpl_*.so*" "${LibTorch_LIB_DIR}/libopenblas*.so*"
       "${LibTorch_LIB_DIR}/libgfortran*.so*")
  list(APPEND LibTorch_RUNTIME_LIBRARIES ${aarch64_libraries})

  add_library(LibTorch::cpu INTERFACE IMPORTED)
  # -idirafter: the wheel bundles fmt 12, which must not shadow the system's fmt.
  foreach(folder include include/torch/csrc/api/include)
    target_compile_options(LibTorch::cpu INTERFACE
      "SHELL:$<$<COMPILE_LANGUAGE:CXX>:-idirafter \"${LibTorch_HOME}/${folder}\">"
      "SHELL:$<$<COMPILE_LANGUAGE:CUDA>:-isystem \"${LibTorch_HOME}/${folder}\">")
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
