# What `cmake --install` and CPack put where: programs in bin/, LibTorch and the CUDA library in lib/limn/, models, themes and
# the desktop entry in share/. The installed programs look beside themselves ($ORIGIN), so that the folder can be moved.

include(GNUInstallDirs)
option(LIMN_INSTALL_TORCH "Install LibTorch's libraries for the processor beside the programs" ON)

set(limn_private_libraries "${CMAKE_INSTALL_LIBDIR}/limn")
set(limn_programs "")
foreach(program limn limn-cli)
  if(TARGET ${program})
    list(APPEND limn_programs ${program})
    file(RELATIVE_PATH limn_to_libraries "/${CMAKE_INSTALL_BINDIR}" "/${limn_private_libraries}")
    set(limn_rpath "$ORIGIN/${limn_to_libraries}")
    if(NOT LIMN_INSTALL_TORCH)
      list(APPEND limn_rpath "${LimnTorch_ROOT}/lib")
    endif()
    set_target_properties(${program} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin"
      INSTALL_RPATH "${limn_rpath}")
  endif()
endforeach()
if(limn_programs)
  install(TARGETS ${limn_programs} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
if(TARGET limn_cuda)
  # The programs look in ../lib/limn.
  install(TARGETS limn_cuda LIBRARY DESTINATION lib/limn)
endif()

if(LIMN_INSTALL_TORCH)
  # libtorch_cpu finds its neighbours through its own $ORIGIN. The two CUDA libraries are small and only satisfy the linker.
  set(limn_torch_files "${LimnTorch_CPU_LIBRARY}" "${LimnTorch_C10_LIBRARY}")
  foreach(name lib/libgomp.so.1 ../nvidia/cu13/lib/libcudart.so.13 ../nvidia/cu13/lib/libcupti.so.13)
    if(EXISTS "${LimnTorch_ROOT}/${name}")
      list(APPEND limn_torch_files "${LimnTorch_ROOT}/${name}")
    endif()
  endforeach()
  install(FILES ${limn_torch_files} DESTINATION "${limn_private_libraries}")
endif()

install(DIRECTORY "${PROJECT_SOURCE_DIR}/resources/models/" DESTINATION "${CMAKE_INSTALL_DATADIR}/limn/models"
        FILES_MATCHING PATTERN "*.safetensors" PATTERN "*.md")
# Only the pictures: whoever tried Limn in this checkout has a project beside them.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/resources/demo/" DESTINATION "${CMAKE_INSTALL_DATADIR}/limn/demo"
        FILES_MATCHING PATTERN "*.jpg")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/README.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
if(TARGET limn)
  install(FILES "${PROJECT_SOURCE_DIR}/packaging/limn.desktop" DESTINATION "${CMAKE_INSTALL_DATADIR}/applications")
  install(FILES "${PROJECT_SOURCE_DIR}/resources/icons/limn.svg"
          DESTINATION "${CMAKE_INSTALL_DATADIR}/icons/hicolor/scalable/apps")
endif()

set(CPACK_PACKAGE_NAME limn)
set(CPACK_PACKAGE_VENDOR "The Limn authors")
set(CPACK_PACKAGE_CONTACT "The Limn authors <limn@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_GENERATOR "TGZ;DEB")
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${LimnTorch_ROOT}/lib" "${LimnTorch_ROOT}/../nvidia/cu13/lib")
set(CPACK_DEBIAN_PACKAGE_DEPENDS "qt6-qpa-plugins, libqt6sql6-sqlite, libgl1-mesa-dri, fonts-dejavu-core")
# Words of Qt's own in other languages, such as those of its colour dialog.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "qt6-translations-l10n")
include(CPack)
