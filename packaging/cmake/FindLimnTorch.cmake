# Finds LibTorch as it lies in PyPI's `torch` wheel or in a LibTorch archive, without asking for a CUDA toolkit
# (the wheel's own TorchConfig.cmake demands one, even where no GPU code is built).
#
# Looked for in LIMN_TORCH_DIR (CMake's, else the environment's; the folder that holds include/ and lib/), and there alone;
# without it in the user's cache folder that packaging/run fills.
#
# Targets:  Limn::Torch      the CPU half: libtorch_cpu, libc10
#           Limn::TorchCuda  headers and libraries of the CUDA half (only for the CUDA library)

if(LIMN_TORCH_DIR)
  set(limn_torch_hints "${LIMN_TORCH_DIR}")
elseif(NOT "$ENV{LIMN_TORCH_DIR}" STREQUAL "")
  set(limn_torch_hints "$ENV{LIMN_TORCH_DIR}")
else()
  set(limn_torch_hints "$ENV{HOME}/.cache/limn/libtorch-2.11.0/torch")
  if(DEFINED ENV{XDG_CACHE_HOME})
    list(PREPEND limn_torch_hints "$ENV{XDG_CACHE_HOME}/limn/libtorch-2.11.0/torch")
  endif()
endif()

find_path(LimnTorch_ROOT NAMES include/torch/csrc/api/include/torch/torch.h
          HINTS ${limn_torch_hints} PATH_SUFFIXES torch NO_DEFAULT_PATH
          DOC "Folder that holds LibTorch's include/ and lib/")
find_library(LimnTorch_CPU_LIBRARY torch_cpu HINTS "${LimnTorch_ROOT}/lib" NO_DEFAULT_PATH)
find_library(LimnTorch_C10_LIBRARY c10 HINTS "${LimnTorch_ROOT}/lib" NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LimnTorch
  REQUIRED_VARS LimnTorch_ROOT LimnTorch_CPU_LIBRARY LimnTorch_C10_LIBRARY
  REASON_FAILURE_MESSAGE "Run packaging/run once to fetch LibTorch, or give -DLIMN_TORCH_DIR=FOLDER (with include/ and lib/ inside).")

if(LimnTorch_FOUND AND NOT TARGET Limn::Torch)
  add_library(Limn::Torch INTERFACE IMPORTED)
  target_include_directories(Limn::Torch SYSTEM INTERFACE
    "${LimnTorch_ROOT}/include" "${LimnTorch_ROOT}/include/torch/csrc/api/include")
  target_link_libraries(Limn::Torch INTERFACE "${LimnTorch_CPU_LIBRARY}" "${LimnTorch_C10_LIBRARY}")
  # The wheel's libtorch_cpu names CUDA libraries that a machine without a GPU need not have.
  # No run path is given here: CMake adds one for the build tree by itself and replaces it at installation.
  target_link_options(Limn::Torch INTERFACE -Wl,--allow-shlib-undefined)
  # For sources that call at::parallel_for() and are compiled with -fopenmp. The wheel brings the library that
  # its threads belong to: a second one would make others.
  file(GLOB limn_openmp "${LimnTorch_ROOT}/lib/libgomp*.so*")
  if(limn_openmp)
    list(GET limn_openmp 0 limn_openmp)
    target_link_libraries(Limn::Torch INTERFACE "${limn_openmp}")
  else()
    target_link_options(Limn::Torch INTERFACE -fopenmp)
  endif()

  if(EXISTS "${LimnTorch_ROOT}/lib/libtorch_cuda.so")
    add_library(Limn::TorchCuda INTERFACE IMPORTED)
    target_link_libraries(Limn::TorchCuda INTERFACE Limn::Torch
      "${LimnTorch_ROOT}/lib/libtorch_cuda.so" "${LimnTorch_ROOT}/lib/libc10_cuda.so")
  endif()
endif()
