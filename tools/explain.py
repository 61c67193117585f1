"""Shows what a network sees: pictures of maps, filters and projections, tables and diagrams.

    python -m tools.explain --model=efficientnet_lite0 --weights=imagenet --what=grad_cam \\
        --images='photos/*.jpg' --out=explained
    python -m tools.explain --run_dir=runs/x --what=feature_maps --layer=stage1_act \\
        --images=digit.png --out=maps
    python -m tools.explain --what=lesson --kernel=sobel_vertical --images=photo.jpg --out=lesson
    python -m tools.explain --model=alexnet_owt --what=table --out=table

--what:
  grad_cam, grad_cam_plus_plus   where a layer's map speaks for a class
  integrated_gradients           what each pixel adds to the class
  smooth_grad                    how the class changes with each pixel
  occlusion                      what the class loses where a square is covered
  feature_maps                   a layer's channels
  deconvnet                      a layer's strongest activations over the images, projected back
  filters                        the kernels of the first layer
  lesson                         a kernel by hand on the images, without a network
  table                          the layers with sizes, memory, parameters and operations
  diagram                        the blocks, as SVG and PNG
  zoo                            all networks: accuracy, operations, memory, parameters
"""

from pathlib import Path

from absl import flags

from zoo.cli import OPTIONAL_PATH, PATH, import_tensorflow, run_tool

_OF_A_CLASS = ("images", "class", "model", "weights", "run_dir", "trust")
_OF_A_NETWORK = ("model", "weights", "run_dir", "trust")
# What each kind reads, beside --what and --out: another flag has no effect with it.
TAKES = {
    "grad_cam": (*_OF_A_CLASS, "layer"),
    "grad_cam_plus_plus": (*_OF_A_CLASS, "layer"),
    "integrated_gradients": _OF_A_CLASS,
    "smooth_grad": _OF_A_CLASS,
    "occlusion": _OF_A_CLASS,
    "feature_maps": (*_OF_A_NETWORK, "images", "layer"),
    "deconvnet": (*_OF_A_NETWORK, "images", "layer", "channels"),
    "filters": _OF_A_NETWORK,
    "lesson": ("images", "kernel", "padding", "stride"),
    "table": (*_OF_A_NETWORK, "image_size"),
    "diagram": (*_OF_A_NETWORK, "image_size"),
    "zoo": (),
}

BATCH = 16  # images at once
MOST_IN_A_SHEET = 100  # images

WHAT = flags.DEFINE_enum("what", None, list(TAKES), "see above", required=True)
MODEL = flags.DEFINE_string(
    "model", "", "zoo.list_models() lists them; empty: what the weights or the run say"
)
WEIGHTS = flags.DEFINE_string(
    "weights", "", "imagenet, mnist, a name of the catalogue, or a file; table and diagram need "
    "none"
)
RUN_DIR = flags.DEFINE(OPTIONAL_PATH, "run_dir", "", "instead of weights: a training run's folder")
IMAGES = flags.DEFINE_list("images", [], "files, folders or patterns, joined by commas")
LAYER = flags.DEFINE_string(
    "layer", "", "its name; empty: the last with a feature map (deconvnet: has to be said)"
)
CLASS = flags.DEFINE_string(
    "class", "", "its number or name, of all images; empty: the likeliest of each"
)
CHANNELS = flags.DEFINE_list(
    "channels", [], "of the layer, numbers; empty: the four with the strongest activations"
)
KERNEL = flags.DEFINE_string(
    "kernel", "horizontal_edges", "a name, or rows of numbers such as '-1,0,1;-1,0,1;-1,0,1'"
)
PADDING = flags.DEFINE_enum("padding", "same", ["same", "valid"], "zeros around the image, or none")
STRIDE = flags.DEFINE_integer("stride", 1, "from one window to the next, pixels", lower_bound=1)
IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 0, "side of the images, pixels; 0: the network's own", lower_bound=0
)
TRUST = flags.DEFINE_list("trust", [], "packages whose code the run or the weights may name")
OUT = flags.DEFINE(PATH, "out", None, "a new or empty folder for the pictures", required=True)


def main() -> None:
    _check_flags()
    from zoo.data.folder import check_new_folder, new_folder
    from zoo.printable import visible

    check_new_folder(OUT.value)
    import_tensorflow()
    with new_folder(OUT.value) as folder:
        write(Path(folder))
        names = sorted(path.name for path in Path(folder).iterdir())
    told = ", ".join(names) if len(names) <= 6 else f"{len(names)} pictures, sheet.png among them"
    print(visible(f"{OUT.value}: {told}"))


def write(folder: Path) -> None:
    from zoo.explain import charts, first_layer_filters, pictures
    from zoo.explain import folder as writing

    what = WHAT.value
    if what == "zoo":
        charts.draw_zoo(charts.costs_of_zoo(), folder / "zoo.png")
    elif what == "lesson":
        paths = _paths()
        writing.write_lesson(folder, [_read(_grey, path) for path in paths],
                             writing.picture_names(paths),
                             KERNEL.value, padding=PADDING.value, stride=STRIDE.value)
    elif what == "table":
        print(writing.write_table(folder, _shapes()), end="")
    elif what == "diagram":
        writing.write_diagram(folder, _shapes())
    else:
        model = _model()
        if what == "filters":
            pictures.draw_filters(first_layer_filters(model)).save(folder / "filters.png")
            return
        chosen = _chosen(model) if CLASS.value else None
        images, levels, names = _images(model)
        if what == "feature_maps":
            writing.write_feature_maps(folder, model, images, names, LAYER.value or None)
        elif what == "deconvnet":
            channels = [_whole(text, "channels") for text in CHANNELS.value]
            writing.write_deconvnet(folder, model, images, levels, LAYER.value, channels)
        else:
            writing.write_maps(folder, what, model, images, levels, names, chosen=chosen,
                               layer=LAYER.value or None)


def _check_flags() -> None:
    takes = TAKES[WHAT.value]
    for flag in (MODEL, WEIGHTS, RUN_DIR, IMAGES, LAYER, CLASS, CHANNELS, KERNEL, PADDING, STRIDE,
                 IMAGE_SIZE, TRUST):
        if flag.present and flag.name not in takes:
            raise ValueError(f"--{flag.name}: got {flag.value} with --what={WHAT.value}, where it "
                             f"has no effect; expected no --{flag.name}")
    if "images" in takes and not IMAGES.value:
        raise ValueError(f"--images: got none; expected files, folders or patterns for "
                         f"--what={WHAT.value}")
    if "model" in takes and RUN_DIR.value and (MODEL.value or WEIGHTS.value):
        raise ValueError("got --run_dir, and --model or --weights; expected one of them")
    needs_values = WHAT.value not in ("table", "diagram")
    if "model" in takes and not (RUN_DIR.value or WEIGHTS.value):
        if needs_values or not MODEL.value:
            raise ValueError("got no --run_dir and no --weights; expected one of them"
                             + ("" if needs_values else ", or --model"))
    if IMAGE_SIZE.value and (RUN_DIR.value or WEIGHTS.value):
        raise ValueError(f"--image_size: got {IMAGE_SIZE.value} and weights, which have their own; "
                         "expected it with --model alone")
    if WHAT.value == "deconvnet" and not LAYER.value:
        raise ValueError("--layer: got none; expected the layer whose activations are projected")
    if WHAT.value == "lesson":
        from zoo.explain.filters import read_kernel

        read_kernel(KERNEL.value)


def _model():
    import zoo
    from zoo.recipe.rules import named
    from zoo.runs.run_folder import read_recipe

    if RUN_DIR.value:
        with named("run_dir"):
            read_recipe(RUN_DIR.value)  # what is no run's folder is told
    return zoo.create_model(MODEL.value or None, weights=RUN_DIR.value or WEIGHTS.value,
                            trust=TRUST.value)


def _shapes():
    """The network without values, where only its name is given."""
    from zoo.weights.unallocated import shapes_of

    if RUN_DIR.value or WEIGHTS.value:
        return _model()
    options = {}
    if IMAGE_SIZE.value:
        channels = shapes_of(MODEL.value).input_shape[-1]
        options["input_shape"] = (IMAGE_SIZE.value, IMAGE_SIZE.value, channels)
    return shapes_of(MODEL.value, **options)


def _images(model):
    """float32 [B, H, W, C] as the network takes them; uint8 [H, W, 3] of each as the network sees
    it; names for files."""
    import numpy as np

    import zoo
    from zoo.explain.folder import picture_names
    from zoo.explain.pictures import as_levels

    known = model.preprocessing or getattr(model, "weights_preprocessing", None)
    if known is None:
        raise ValueError(f"got weights of {model.name!r} that do not say what their images were "
                         "like; expected weights of the catalogue, a file of this zoo, or a run")
    paths = _paths()
    images = np.concatenate([
        _read(lambda data: zoo.preprocess_input(data, model), path) for path in paths
    ])
    mean, std = known.levels_of(model.input_shape[-1])
    levels = [as_levels(image * np.array(std) + np.array(mean)) for image in images]
    return images, levels, picture_names(paths)


def _paths() -> list[Path]:
    from zoo.evaluate.predict import find_images

    return find_images(IMAGES.value)[0]


def _read(read, path: Path):
    try:
        return read(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"--images: {path} cannot be read as an image: {error}") from None


def _grey(data: bytes):
    from zoo.data.bad_images import read_image

    return read_image(data, 1, "exif")


def _chosen(model) -> int:
    """The class of --class."""
    names = model.class_names or ()
    if CLASS.value in names:
        return list(names).index(CLASS.value)
    if (chosen := _whole(CLASS.value, "class")) >= (count := model.output.shape[-1]):
        raise ValueError(f"--class: got {chosen}; expected a name, or 0 to {count - 1}")
    return chosen


def _whole(text: str, flag: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"--{flag}: got {text!r}; expected a whole number of 0 or more"
                         + (", or the name of a class" if flag == "class" else ""))
    return int(text)


if __name__ == "__main__":
    run_tool(main, __doc__)
