# SPDX-License-Identifier: GPL-3.0-or-later
"""A failing step of packaging/run says which command failed, so that a person can type it again and gets the same failure,
shows the end of its log and what to do. The tools that the steps call are replaced by small scripts that fail.

test_steps.py PACKAGING-FOLDER
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

NOTHING_INSTALLED = "exit 0"
ALL_INSTALLED = 'shift 2; for name; do printf "%s installed " "$name"; done'
PASSES_ON = '[ "$1" = -v ] || exec "$@"'

# name, tools and what they do, environment, words of the command shown, words of the rest, exit code of the command
ROWS = [
    ("no network for apt", {"dpkg-query": NOTHING_INSTALLED, "apt-get": "echo 'E: no network' >&2; exit 100"}, {},
     ["apt-get update"], ["System packages to install (apt): build-essential", "[1/4] Installing", "    | E: no network", "network is down"], 100),
    ("a package that apt has not", {"dpkg-query": NOTHING_INSTALLED,
                                    "apt-get": '[ "$1" = update ] || { echo "E: Unable to locate"; exit 100; }'}, {},
     ["DEBIAN_FRONTEND=noninteractive apt-get install -y", " cmake ", " libvtk9-dev "], ["    | E: Unable to locate"], 100),
    ("no network for pip", {"dpkg-query": ALL_INSTALLED, "python3": '[ "$3" = --version ] || { echo "ERROR: no index"; exit 1; }'},
     {}, ["python3 -m pip download", "--require-hashes", "libtorch-cpu.txt"],
     ["To download", "[1/3] Fetching LibTorch", "    | ERROR: no index", "LIMN_TORCH_DIR"], 1),
    ("an empty LIMN_TORCH_DIR", {"dpkg-query": ALL_INSTALLED}, {"LIMN_TORCH_DIR": "empty"}, None,
     ["LIMN_TORCH_DIR is ", "no lib/libtorch_cpu.so in it"], None),
    ("a library that cmake does not find", {"dpkg-query": ALL_INSTALLED, "cmake": "echo 'CMake Error: no Qt6'; exit 1"},
     {"LIMN_TORCH_DIR": "torch"}, ["cmake -S ", "--preset release"], ["[1/2] Configuring", "    | CMake Error: no Qt6", "did not find"], 1),
    ("a compile error far up", {"dpkg-query": ALL_INSTALLED, "cmake": '[ "$1" = --build ] || exec mkdir -p '
                                '"$2/build/release"; echo "a.cpp:3:5: error: nonsense"; seq 100; exit 2'},
     {"LIMN_TORCH_DIR": "torch"}, ["cmake --build ", "--target limn limn-cli"],
     ["[2/2] Building", "first error (line 1): a.cpp:3:5: error: nonsense", "    | 100"], 2),
]


def write_tools(folder: pathlib.Path, tools: dict) -> None:
    folder.mkdir()
    for name, body in {"sudo": PASSES_ON, "nvidia-smi": "exit 1", **tools}.items():
        (folder / name).write_text(f"#!/bin/bash\n{body}\n", encoding="utf-8")
        (folder / name).chmod(0o755)


def problems_of(row: tuple, packaging: pathlib.Path, folder: pathlib.Path):
    _, tools, settings, command_words, words, code = row
    # A name with a space: the command must be quoted to be typed again.
    root = folder / "a checkout"
    shutil.copytree(packaging, root / "packaging")
    write_tools(folder / "tools", tools)
    (folder / "empty").mkdir()
    for name in ("torch/lib/libtorch_cpu.so", "torch/include/torch/csrc/api/include/torch/torch.h"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
    environment = {"PATH": f"{folder / 'tools'}:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8",
                   "XDG_CACHE_HOME": str(folder / "cache"),
                   **{name: str(folder / value) for name, value in settings.items()}}
    run = subprocess.run(["bash", root / "packaging/run"], env=environment, capture_output=True, text=True, timeout=60)
    said = run.stdout + run.stderr
    if run.returncode != 1:
        yield f"exit code {run.returncode}"
    for word in words:
        if word not in said:
            yield f"does not say {word!r}"
    if command_words is None:
        return
    shown = [line for line in run.stderr.splitlines() if line.startswith("  command:    ")]
    if len(shown) != 1:
        yield f"shows {len(shown)} commands"
        return
    command = shown[0].removeprefix("  command:    ")
    for word in command_words:
        if word not in command + " ":
            yield f"the command is {command!r}, without {word!r}"
    again = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=60, cwd=folder)
    if again.returncode != code:
        yield f"the command that is shown, {command!r}, ends with {again.returncode}, not {code}: {again.stderr}"
    if "what to do: " not in run.stderr:
        yield "does not say what to do"
    # A step's files are named after it, whatever words its command has.
    steps = {path.stem for path in (root / "build/logs").glob("*.log")}
    for path in (root / "build/logs").iterdir():
        if path.stem not in steps:
            yield f"left {path.name!r} among the logs"


def main() -> int:
    failed = False
    for row in ROWS:
        with tempfile.TemporaryDirectory(prefix="limn-steps-") as folder:
            for problem in problems_of(row, pathlib.Path(sys.argv[1]), pathlib.Path(folder)):
                failed = True
                print(f"{row[0]}: {problem}")
    if not failed:
        print(f"{len(ROWS)} failing steps are explained.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
