"""Exports a run as a SavedModel: python -m tools.export --run_dir=runs/x --out=models/x

The weights are those that the run leaves, of an unfinished one those of its newest checkpoint;
--keep=best or --keep=last takes those of the evaluation that it does not leave. The model is
written as OUT/1, OUT/2, ..., as TensorFlow Serving expects, with signatures for float images in
0..255 and for the bytes of image files of any size.
"""

from absl import flags

from zoo.cli import PATH, import_tensorflow, run_tool

RUN_DIR = flags.DEFINE(PATH, "run_dir", None, "folder of the run", required=True)
OUT = flags.DEFINE(PATH, "out", None, "folder for the versions of the model", required=True)
KEEP = flags.DEFINE_enum("keep", "", ["", "best", "last"], "which evaluation; empty: the run's own")
ON_BAD_IMAGE = flags.DEFINE_string(
    "on_bad_image", "fail", "of an image that cannot be read: fail ends its request and says which "
    "it is; flag answers the others, NaN and -1 for it, and the reason in the output error"
)
TRUST = flags.DEFINE_list("trust", [], "packages whose code the run's model may name")


def main() -> None:
    import_tensorflow()
    import zoo
    from zoo.export.saved_model import export_model, usage
    from zoo.recipe.rules import named
    from zoo.runs.run_folder import read_recipe

    with named("run_dir"):
        read_recipe(RUN_DIR.value)  # what is no run's folder is told
        if KEEP.value:
            model = zoo.weights.load_evaluation(RUN_DIR.value, KEEP.value, trust=TRUST.value)
        else:
            model = zoo.load_model(RUN_DIR.value, trust=TRUST.value)
    path = export_model(model, OUT.value, on_bad_image=ON_BAD_IMAGE.value)
    print(f"SavedModel: {path}\n\n{usage(path)}")


if __name__ == "__main__":
    run_tool(main, __doc__)
