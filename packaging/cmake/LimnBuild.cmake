# Settings that every target of the project shares: language level, warnings, sanitizers, compiler cache.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

option(LIMN_WERROR "Treat warnings as errors" OFF)
set(LIMN_SANITIZE "" CACHE STRING "Sanitizers to compile with, for example address;undefined")

find_program(LIMN_CCACHE ccache)
if(LIMN_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${LIMN_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${LIMN_CCACHE}")
  set(CMAKE_CUDA_COMPILER_LAUNCHER "${LIMN_CCACHE}")
endif()

add_library(limn_build INTERFACE)
target_compile_options(limn_build INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-unused-parameter>)
target_compile_definitions(limn_build INTERFACE QT_NO_KEYWORDS QT_NO_CAST_FROM_ASCII QT_NO_FOREACH)
if(LIMN_WERROR)
  # GCC 12 warns wrongly of overlapping copies in std::string (its bug 105329). Options are made by naming what differs
  # from the defaults, `{.person = "Ana"}`, which leaves members out on purpose. GCC 13 warns wrongly of LibTorch's
  # std::vector<bool> (its bug 107852).
  target_compile_options(limn_build INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>
                         $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-error=restrict>
                         $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,13>>:-Wno-error=array-bounds>
                         $<$<COMPILE_LANGUAGE:CXX>:-Wno-error=missing-field-initializers>)
  if(LIMN_SANITIZE)
    # GCC's manual says that this one is often wrong with sanitizers: here of every empty std::optional.
    target_compile_options(limn_build INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-error=maybe-uninitialized>)
  endif()
endif()
if(LIMN_SANITIZE)
  list(JOIN LIMN_SANITIZE "," limn_sanitize_list)
  # Every target, so that containers shared between libraries agree on their instrumentation.
  add_compile_options($<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=${limn_sanitize_list}>
                      $<$<COMPILE_LANGUAGE:C,CXX>:-fno-omit-frame-pointer>)
  add_link_options(-fsanitize=${limn_sanitize_list})
endif()

# limn_add_test(NAME SOURCES file... LIBRARIES target... [LABELS label...]): one Qt Test program.
function(limn_add_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES AUTOMOC ON)
  target_link_libraries(${name} PRIVATE limn_build ${ARG_LIBRARIES} Qt6::Test)
  # ../shared beside the checkout holds golden values and real images; tests on it skip where it is missing.
  target_compile_definitions(${name} PRIVATE LIMN_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                             LIMN_SHARED_DIR="${PROJECT_SOURCE_DIR}/../shared")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()
