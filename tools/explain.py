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

    check_new_folder(OUT.value)
    import_tensorflow()
    write = {
        "feature_maps": write_feature_maps, "deconvnet": write_deconvnet,
        "filters": write_filters, "lesson": write_lesson, "table": write_table,
        "diagram": write_diagram, "zoo": write_zoo,
    }.get(WHAT.value, write_maps)
    with new_folder(OUT.value) as folder:
        write(Path(folder))
        names = sorted(path.name for path in Path(folder).iterdir())
    print(f"{OUT.value}: {', '.join(names)}")


def write_maps(folder: Path) -> None:
    """A picture of the map of each image, and sheet.png with all of them."""
    from zoo import explain
    from zoo.explain.pictures import draw_map, draw_rows

    model = _model()
    class_names = model.class_names or [f"class {n}" for n in range(model.output.shape[-1])]
    chosen = _chosen(class_names)
    images, levels, names = _images(model)
    own, captions = _classes(model, images, class_names, chosen)
    options = {"classes": own}
    if LAYER.value:
        options["layer"] = LAYER.value
    maps = getattr(explain, WHAT.value)(model, images, **options)
    signed = WHAT.value not in ("grad_cam", "grad_cam_plus_plus")
    if maps.ndim == 4:
        maps = maps.sum(-1)
    rows = []
    for name, map_, picture, caption in zip(names, maps, levels, captions, strict=True):
        drawn = draw_map(map_, picture, signed=signed)
        drawn.save(folder / f"{name}.png")
        rows.append([(picture, name), (drawn, caption)])
    draw_rows(rows).save(folder / "sheet.png")


def write_feature_maps(folder: Path) -> None:
    """The channels of a layer for each image."""
    from zoo.explain import feature_maps
    from zoo.explain.pictures import draw_channels

    model = _model()
    images, _, names = _images(model)
    for name, maps in zip(names, feature_maps(model, images, LAYER.value or None), strict=True):
        draw_channels(maps).save(folder / f"{name}.png")


def write_deconvnet(folder: Path) -> None:
    """deconvnet.png: for each channel the strongest activations, patches over projections."""
    import numpy as np

    from zoo.explain import feature_maps, strongest
    from zoo.explain.pictures import draw_projections

    model = _model()
    images, levels, names = _images(model)
    channels = [_whole(text, "channels") for text in CHANNELS.value]
    if not channels:
        highest = feature_maps(model, images, LAYER.value).max((0, 1, 2))
        channels = np.argsort(-highest, kind="stable")[:4].tolist()
    rows = []
    for channel in channels:
        row = []
        for found in strongest(model, images, LAYER.value, channel):
            top, left, bottom, right = found.box
            place = np.s_[top:bottom, left:right]
            row.append((levels[found.image][place], found.projection[place]))
        rows.append((f"{LAYER.value}, channel {channel}", row))
    draw_projections(rows).save(folder / "deconvnet.png")


def write_filters(folder: Path) -> None:
    from zoo.explain import first_layer_filters
    from zoo.explain.pictures import draw_filters

    draw_filters(first_layer_filters(_model())).save(folder / "filters.png")


def write_lesson(folder: Path) -> None:
    """What the kernel makes of each image, in grey."""
    import numpy as np

    from zoo.data.bad_images import read_image
    from zoo.explain import filter_lesson
    from zoo.explain.pictures import draw_rows, draw_values

    rows = []
    paths = _paths()
    for path, name in zip(paths, _names(paths), strict=True):
        grey = _read(lambda data: read_image(data, 1, "exif"), path)
        found = filter_lesson(grey, KERNEL.value, padding=PADDING.value, stride=STRIDE.value)
        drawn = draw_values(found[..., 0], signed=bool(found.min() < 0))
        drawn.save(folder / f"{name}.png")
        rows.append([(np.repeat(grey, 3, -1), name), (drawn, KERNEL.value)])
    draw_rows(rows, 320).save(folder / "sheet.png")


def write_table(folder: Path) -> None:
    """table.md, which is printed too, and bars.png."""
    from zoo.explain.charts import draw_bars
    from zoo.explain.table import as_markdown, layer_table

    model = _shapes()
    rows = layer_table(model)
    text = as_markdown(rows)
    (folder / "table.md").write_text(text)
    draw_bars(rows, model.name, folder / "bars.png")
    print(text, end="")


def write_diagram(folder: Path) -> None:
    from zoo.explain.diagram import draw_diagram

    model = _shapes()
    for suffix in ("svg", "png"):
        draw_diagram(model, folder / f"diagram.{suffix}")


def write_zoo(folder: Path) -> None:
    from zoo.explain.charts import costs_of_zoo, draw_zoo

    draw_zoo(costs_of_zoo(), folder / "zoo.png")


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
    from zoo.explain.pictures import as_levels

    paths = _paths()
    images = np.concatenate([
        _read(lambda data: zoo.preprocess_input(data, model), path) for path in paths
    ])
    mean, std = model.preprocessing.levels_of(model.input_shape[-1])
    levels = [as_levels(image * np.array(std) + np.array(mean)) for image in images]
    return images, levels, _names(paths)


def _paths() -> list[Path]:
    from zoo.evaluate.predict import find_images

    return find_images(IMAGES.value)[0]


def _read(read, path: Path):
    try:
        return read(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"--images: {path} cannot be read as an image: {error}") from None


def _names(paths: list[Path]) -> list[str]:
    """Of the pictures: those of the files, with a number where two have the same."""
    stems = [path.stem for path in paths]
    return [stem if stems.count(stem) == 1 else f"{stem}-{place}"
            for place, stem in enumerate(stems, 1)]


def _chosen(class_names) -> int | None:
    """The class of --class; None: the likeliest of each image."""
    if not CLASS.value:
        return None
    if CLASS.value in class_names:
        return list(class_names).index(CLASS.value)
    if (chosen := _whole(CLASS.value, "class")) >= len(class_names):
        raise ValueError(f"--class: got {chosen}; expected a name, or 0 to {len(class_names) - 1}")
    return chosen


def _classes(model, images, class_names, chosen: int | None):
    """The class that each image is explained for; a caption with its name and probability."""
    import keras
    import numpy as np

    probabilities = np.asarray(keras.ops.softmax(model.predict(images, verbose=0)))
    own = probabilities.argmax(-1)
    if chosen is not None:
        own[:] = chosen
    captions = [f"{class_names[place]} {100 * row[place]:.1f} %"
                for place, row in zip(own, probabilities, strict=True)]
    return own, captions


def _whole(text: str, flag: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"--{flag}: got {text!r}; expected a whole number of 0 or more"
                         + (", or the name of a class" if flag == "class" else ""))
    return int(text)


if __name__ == "__main__":
    run_tool(main, __doc__)
