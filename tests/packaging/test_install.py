# SPDX-License-Identifier: GPL-3.0-or-later
"""An installation works by itself: put into a prefix, moved elsewhere, started without the build's settings, it finds its
own models, its own LibTorch and its demo images.

test_install.py CMAKE BUILD-FOLDER WITH-WINDOW(0|1)
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

PATIENCE = 240  # seconds, of a child process

problems = []


def expect(condition: bool, what: str) -> bool:
    if not condition:
        problems.append(what)
    return condition


def bare_environment(home: pathlib.Path) -> dict:
    """What a person's session has, without anything that points at the build or at a LibTorch of the developer's."""
    kept = ("PATH", "LANG", "LC_ALL", "TMPDIR", "DISPLAY", "XAUTHORITY", "LIBGL_ALWAYS_SOFTWARE", "QT_QPA_PLATFORM")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    return {**environment, "HOME": str(home)}


def run(arguments: list, environment: dict) -> subprocess.CompletedProcess:
    return subprocess.run([str(a) for a in arguments], env=environment, capture_output=True, text=True, timeout=PATIENCE)


def check_files(prefix: pathlib.Path, with_window: bool) -> None:
    wanted = ["bin/limn-cli", "share/limn/models/dermoscopy.safetensors", "share/limn/models/polyp.safetensors",
              "share/limn/models/dermoscopy.md", "share/limn/demo/derm_01.jpg", "share/limn/demo/endo_01.jpg"]
    if with_window:
        wanted += ["bin/limn", "share/applications/limn.desktop", "share/icons/hicolor/scalable/apps/limn.svg"]
    for name in wanted:
        expect((prefix / name).is_file(), f"{name} was not installed")
    expect(any(prefix.glob("share/doc/*/LICENSE")), "the licence was not installed")
    for path in prefix.rglob("*"):
        expect(not path.is_symlink() or path.exists(), f"{path} is a link to nothing")


def check_libraries(program: pathlib.Path, prefix: pathlib.Path, environment: dict) -> None:
    """LibTorch comes out of the prefix, and nothing is missing."""
    listed = run(["ldd", program], environment).stdout
    for line in listed.splitlines():
        expect("not found" not in line, f"{program.name} misses a library:{line}")
        if "libtorch" in line or "libc10" in line:
            where = pathlib.Path(line.split("=>")[1].split("(")[0].strip())
            expect(where.resolve().is_relative_to(prefix), f"{program.name} takes {where}, not its own LibTorch")
    expect("libtorch_cpu" in listed, f"{program.name} is not linked against LibTorch:\n{listed}")


def check_command_line(program: pathlib.Path, prefix: pathlib.Path, folder: pathlib.Path, environment: dict) -> None:
    listed = run([program, "model", "list", "--json"], environment)
    if expect(listed.returncode == 0, f"limn-cli model list failed: {listed.stderr}"):
        models = {model["name"]: model["path"] for model in json.loads(listed.stdout)}
        for name in ("dermoscopy", "polyp"):
            expect(models.get(name, "").startswith(str(prefix)), f"the model {name} is taken from {models.get(name)}")
    for model, image in (("dermoscopy", "derm_01"), ("polyp", "endo_01")):
        output = folder / model
        done = run([program, "segment", prefix / f"share/limn/demo/{image}.jpg", "--model", model, "--device", "cpu",
                    "--output", output, "--save", "mask,overlay"], environment)
        expect(done.returncode == 0, f"limn-cli segment --model {model} failed: {done.stderr}")
        for name in (f"{image}_mask.png", f"{image}_overlay.jpg", "segment.json"):
            expect((output / name).is_file() and (output / name).stat().st_size > 0, f"{model}: no {name} was written")
    missing = run([program, "segment", prefix / "share/limn/demo/derm_01.jpg", "--model", "nonsense", "--output",
                   folder / "none"], environment)
    expect(missing.returncode != 0 and "nonsense" in missing.stderr, "an unknown model was not refused by name")


def check_window(program: pathlib.Path, environment: dict) -> None:
    version = run([program, "--version"], environment)
    expect(version.returncode == 0 and version.stdout.startswith("limn "), f"limn --version: {version}")
    if "DISPLAY" not in environment:
        print("There is no display: the window was not opened.")
        return
    window = subprocess.Popen([str(program), "--demo"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
    end = time.monotonic() + 5
    while time.monotonic() < end and window.poll() is None:
        time.sleep(0.1)
    if expect(window.poll() is None, f"limn ended by itself with {window.returncode}"):
        window.terminate()
    output = window.communicate(timeout=PATIENCE)[0]
    expect("error" not in output.lower(), f"limn printed: {output}")


def main() -> int:
    cmake, build, with_window = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3] == "1"
    with tempfile.TemporaryDirectory(prefix="limn-install-") as temporary:
        folder = pathlib.Path(temporary).resolve()
        (folder / "home").mkdir()
        environment = bare_environment(folder / "home")
        installed = run([cmake, "--install", build, "--prefix", folder / "first"], dict(os.environ))
        if not expect(installed.returncode == 0, f"cmake --install failed: {installed.stdout}{installed.stderr}"):
            print("\n".join(problems))
            return 1
        # A name with a space: nothing may depend on where it was put first.
        prefix = folder / "moved here"
        shutil.move(folder / "first", prefix)
        check_files(prefix, with_window)
        check_libraries(prefix / "bin/limn-cli", prefix, environment)
        check_command_line(prefix / "bin/limn-cli", prefix, folder, environment)
        if with_window:
            check_libraries(prefix / "bin/limn", prefix, environment)
            check_window(prefix / "bin/limn", environment)
    print("\n".join(problems) if problems else "The installation works by itself.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
