"""Exports a run as a SavedModel: python -m tools.export --run_dir=runs/x --out=models/x

The weights are those of the run's newest checkpoint. The model is written as OUT/1, OUT/2, ...,
as TensorFlow Serving expects, with signatures for float images in 0..255 and for the bytes of
image files of any size.
"""

from absl import flags

from zoo.cli import import_tensorflow, run_tool

RUN_DIR = flags.DEFINE_string("run_dir", None, "folder of the run", required=True)
OUT = flags.DEFINE_string("out", None, "folder for the versions of the model", required=True)


def main() -> None:
    import_tensorflow()
    from zoo.export.saved_model import export_run, usage

    path = export_run(RUN_DIR.value, OUT.value)
    print(f"SavedModel: {path}\n\n{usage(path)}")


if __name__ == "__main__":
    run_tool(main, __doc__)
