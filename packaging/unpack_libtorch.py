#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks what Limn needs of the downloaded wheels into a folder: headers, libraries, licences; no Python code.

unpack_libtorch.py WHEELS TARGET PART      PART: cpu (no CUDA libraries), build (what linking the CUDA library needs), gpu
"""
import pathlib
import sys
import zipfile

# Large libraries that only a GPU, or only Python, wants.
CUDA_LIBRARIES = ("libtorch_cuda", "libc10_cuda", "libtorch_nvshmem", "libcaffe2_nvrtc")
NEVER = ("libtorch_python", "libshm", "libtorch_global_deps")
# Of the two small CUDA wheels the processor part loads these alone.
CPU_NVIDIA = ("libcudart.so", "libcupti.so")


def wanted(name: str, part: str) -> bool:
    path = pathlib.PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or name.endswith("/"):
        return False
    top = path.parts[0]
    if top.endswith(".dist-info"):
        return "licenses" in path.parts or path.name in ("METADATA", "LICENSE", "NOTICE", "License.txt")
    if top == "torch":
        if name.startswith("torch/include/"):
            return True
        if not name.startswith("torch/lib/") or path.name.startswith(NEVER):
            return False
        return part != "cpu" or not path.name.startswith(CUDA_LIBRARIES)
    if top == "nvidia":
        return "lib" in path.parts and (part == "gpu" or path.name.startswith(CPU_NVIDIA))
    return False


def main() -> int:
    wheels, target, part = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            names = [n for n in archive.namelist() if wanted(n, part)]
            print(f"{wheel.name}: {len(names)} files", flush=True)
            for name in names:
                archive.extract(name, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
