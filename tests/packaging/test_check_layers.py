# SPDX-License-Identifier: GPL-3.0-or-later
"""packaging/check-layers finds each forbidden include, names file and line, and lets the allowed ones pass."""
import pathlib
import subprocess
import sys
import tempfile

# file, include line, allowed
ROWS = [
    ("io/core/a.h", "#include <vector>", True),
    ("io/core/a.h", '#include "io/core/image.h"', True),
    ("io/core/a.h", '#include "io/images/image_reader.h"', False),
    ("io/core/a.h", "#include <QString>", False),
    ("io/images/a.cpp", "#include <itkImage.h>", True),
    ("io/images/a.cpp", '#include "app/document/document.h"', False),
    ("io/images/a.cpp", '#include "image_reader.h"', False),
    ("io/store/a.cpp", "#include <QSqlQuery>", True),
    ("inference/network.cpp", "#include <torch/torch.h>", True),
    ("inference/network.cpp", '#include "io/core/image.h"', True),
    ("inference/network.cpp", '#include "io/images/image_reader.h"', False),
    ("inference/network.cpp", "#include <QString>", False),
    ("inference/scan.cpp", '#include "hwy/highway.h"', True),
    ("inference/plain/a.cpp", "#include <torch/torch.h>", False),
    ("inference/scan.cu", "#include <ATen/ATen.h>", True),
    ("app/cli/main.cpp", '#include "inference/engine.h"', True),
    ("app/cli/main.cpp", "#include <QCoreApplication>", True),
    ("app/cli/main.cpp", "#include <torch/torch.h>", False),
    ("app/cli/main.cpp", "#include <QApplication>", False),
    ("app/cli/main.cpp", '#include "ui/main_window.h"', False),
    ("ui/main_window.cpp", "#include <QMainWindow>", True),
    ("ui/main_window.cpp", "#include <vtkRenderer.h>", True),
    ("ui/main_window.cpp", '#include "io/core/image.h"', True),
    ("ui/main_window.cpp", '#include "io/store/project_store.h"', False),
    ("ui/main_window.cpp", "#include <QSqlDatabase>", False),
    ("ui/main_window.cpp", '#include "main_window.moc"', True),
]


def main() -> int:
    wrong = []
    for file, include, allowed in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            path = root / file
            path.parent.mkdir(parents=True)
            path.write_text(f"// first line\n{include}\n", encoding="utf-8")
            run = subprocess.run([sys.executable, sys.argv[1], str(root)], capture_output=True, text=True)
            good = run.returncode == 0 if allowed else run.returncode == 1 and f"{file}:2:" in run.stdout
            if not good:
                wrong.append(f"{file} with {include}: exit code {run.returncode}, printed {run.stdout!r}")
    print("\n".join(wrong) if wrong else f"{len(ROWS)} rows hold.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
