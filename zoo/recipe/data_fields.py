"""The fields of a recipe that say what is trained, and on which images."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.data import bad_images, check_spec, orientation
from zoo.data.methods import METHODS
from zoo.models import check_model
from zoo.recipe import checks, field
from zoo.recipe.checks import at_least
from zoo.spec import parse_options


@dataclass(frozen=True)
class DataFields:
    """Sections Model, Data and Transfer of `zoo.recipe.Recipe`."""

    name: str = field.model(
        "run", "Name of the recipe; run folders are called after it.", checks.folder_name
    )
    model: str = field.model(
        "resnet50", "Architecture: one of zoo.list_models(), or package.module:Name.", check_model
    )
    model_options: str = field.model(
        "", "Options of the model, such as zero_gamma=True or activation=gelu.", parse_options
    )

    data: str = field.data(
        "mnist5k", "Source of the images: mnist5k, idx:DIR, cifar:DIR, folder:DIR, "
        "csv:FILE, parquet:DIR, tfrecord:PATTERN, arrayrecord:PATTERN, tfds:NAME, synthetic, or "
        "package.module:name.", check_spec
    )
    data_dir: str = field.data("", "Folder of tfds: sets; empty: the default of TFDS.", checks.path)
    image_size: int = field.data(
        224, "Side of the square images that the model sees, pixels.", checks.side
    )
    channels: int = field.data(
        3, "Channels of the images, 1 (grey) or 3 (RGB); images are converted.", checks.grey_or_rgb
    )
    orientation: str = field.data(
        "exif", "Which way up images are seen: exif (as the camera noted) or ignored (as stored).",
        checks.one_of(orientation.CHOICES)
    )
    crop_area: tuple[float, ...] = field.data(
        (0.08, 1.0), "Area of the random training crop as a share of the image's area: "
        "SMALLEST,LARGEST; 1,1 takes the whole image.",
        checks.low_high(0, 1, "0 < LOW <= HIGH <= 1")
    )
    crop_ratio: tuple[float, ...] = field.data(
        (3 / 4, 4 / 3), "Width over height of the training crop: SMALLEST,LARGEST.",
        checks.low_high(0, float("inf"), "0 < LOW <= HIGH")
    )
    scale_jitter: tuple[float, ...] = field.data(
        (), "Training crop in the way of VGG: the short side is resized to LOW,HIGH pixels before "
        "a random crop, as 256,480; empty: by crop_area."
    )
    train_resizing: str = field.data(
        "area", f"Resizing of training images: {', '.join(METHODS)}.", checks.one_of(METHODS)
    )
    eval_resizing: str = field.data(
        "bilinear", "Method that resizes evaluation images, as train_resizing; empty: that of the "
        "weights."
    )
    eval_resize: int = field.data(
        256, "Short side of an evaluation image before its centre crop, pixels.", checks.side
    )
    mean: tuple[float, ...] = field.data(
        (123.68, 116.779, 103.939), "Mean of each channel that is subtracted, in levels of "
        "0..255; empty: that of the weights."
    )
    std: tuple[float, ...] = field.data(
        (58.393, 57.12, 57.375), "Standard deviation of each channel to divide by, in levels of "
        "0..255; empty: that of the weights.", checks.deviations
    )
    on_bad_image: str = field.data(
        "fail", "What happens at a training image that cannot be read. fail: the run ends there; "
        "skip: all are tried at the start, bad ones left out.", checks.one_of(bad_images.CHOICES)
    )
    data_service: str = field.data(
        "", "Address grpc://HOST:PORT of a tf.data service that reads the training images; empty: "
        "this process does.", checks.matching(r"(grpc://[^/:]+:\d+)?", "grpc://HOST:PORT"),
        changes_result=False
    )
    cache_mb: int = field.data(
        1024, "Memory for decoded images, MiB: smaller sets are decoded once and stay there.",
        at_least(0), changes_result=False
    )
    data_on_device: bool = field.data(
        False, "Keep the training images in the memory of each device, which picks its batches "
        "there: for images of one size, as MNIST's, without crops (crop_area=1,1).",
        changes_result=False
    )
    train_images: int = field.data(
        0, "Training images that are used, the same share of each class; 0: all.", at_least(0)
    )
    aug_repeats: int = field.data(
        1, "Times that an epoch shows an image, each time augmented anew, and as many fewer images "
        "(repeated augmentation).", at_least(1)
    )
    train_sizes: tuple[float, ...] = field.data(
        (), "Sides of the training images in equal parts of the run, one after another, as "
        "128,160,192, pixels; empty: image_size.", checks.pixels
    )
    augment: str = field.data(
        "flip", "Operations on the device, such as flip|pad_crop(4)|mixup(0.2)."
    )
    final_augment: str = field.data(
        "flip", "Operations that take the place of augment in the last final_epochs."
    )
    final_epochs: float = field.data(
        0.0, "Epochs at the end with final_augment, as mixup off in the last ones; 0: none.",
        at_least(0)
    )

    weights: str = field.transfer(
        "", "Trained weights to start from: imagenet, a name as timm:resnet50d.ra2_in1k, a file, "
        "or a run's folder; empty: new ones."
    )
    trust: str = field.transfer(
        "", "Packages from outside of the zoo whose code a file of weights may name, joined by "
        "commas.", checks.packages, changes_result=False
    )
    frozen_epochs: float = field.transfer(
        0.0, "Epochs at the start in which the classifier alone learns."
    )
    trainable: str = field.transfer(
        "all", "Layers that learn after frozen_epochs: all, head, head+norm (and the last batch "
        "normalisation), or from:STAGE, as from:stage4.", checks.matching(
            r"all|head|head\+norm|from:\w+", "all, head, head+norm, or from:STAGE, as from:stage4"
        )
    )
    freeze_bn: bool = field.transfer(False, "Keep the weights' batch normalisations as they are.")
    unfrozen_rate: float = field.transfer(
        0.1, "Factor on the learning rate after frozen_epochs.", checks.up_to_one
    )
    stage_decay: float = field.transfer(
        1.0, "Factor on the learning rate of a stage against the one behind it.", checks.up_to_one
    )
