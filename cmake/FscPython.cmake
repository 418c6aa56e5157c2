# With FSC_PYTHON the programs are installed as a Python package's: SITE/fsc/bin beside SITE/torch and SITE/nvidia.
set(beside "$ORIGIN/../../torch/lib")
if(FSC_CUDA)  # what the programs themselves name; libtorch_cpu.so finds its own
  foreach(folder ${LibTorch_NVIDIA_LIB_DIRS})
    file(RELATIVE_PATH below "${FSC_LIBTORCH_ROOT}" "${folder}")
    list(APPEND beside "$ORIGIN/../../${below}")
  endforeach()
endif()
list(PREPEND CMAKE_INSTALL_RPATH ${beside})  # before the prefixes that third_party/CMakeLists.txt found

# fsc/_built.py: by this the package knows the torch that its programs fit.
string(REGEX MATCH "^[0-9]+\\.[0-9]+" FSC_TORCH_MINOR "${LibTorch_VERSION}")
if(FSC_CUDA)
  set(FSC_BUILT_WITH_CUDA True)
else()
  set(FSC_BUILT_WITH_CUDA False)
endif()
configure_file("${PROJECT_SOURCE_DIR}/python/built.py.in" "${PROJECT_BINARY_DIR}/built.py" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/built.py" DESTINATION . RENAME _built.py)
