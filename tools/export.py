"""Exports a run as a SavedModel: python -m tools.export --run_dir=runs/x --out=models/x

The weights are those of the run's newest checkpoint. The model is written as OUT/1, OUT/2, ...,
as TensorFlow Serving expects, with signatures for float images in 0..255 and for the bytes of
image files of any size.
"""

from __future__ import annotations

import sys

from zoo.cli import tool_main


def main(run_dir: str, out: str) -> None:
    from zoo.export.saved_model import export_run, usage

    path = export_run(run_dir, out)
    print(f"SavedModel: {path}\n\n{usage(path)}")


if __name__ == "__main__":
    tool_main(
        main, __doc__, sys.argv,
        run_dir=("", "folder of the run"),
        out=("", "folder for the versions of the model"),
    )
