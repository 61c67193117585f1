"""Recipe: every number of a training run, in one frozen, validated dataclass.

Each field carries its help text, its unit and its check; rules between fields are in rules.py.
Loads no TensorFlow, so that a wrong value is told at once.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from zoo.core.losses import check_loss
from zoo.data import bad_images, check_spec, host_ops, orientation
from zoo.data.methods import METHODS
from zoo.models import check_model
from zoo.recipe import checks, field, rules
from zoo.recipe.checks import PRECISIONS, XLA_MODES, at_least, or_empty
from zoo.spec import parse_options


@dataclass(frozen=True)
class Recipe:
    """The fields' help texts say what they are, with units; zoo/cli.py makes one flag of each.

    Raises ValueError, in one line, for a value that cannot be.
    """

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
        "tfrecord:PATTERN, tfds:NAME, synthetic, or package.module:name.", check_spec
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
    train_sizes: tuple[float, ...] = field.data(
        (), "Sides of the training images in equal parts of the run, one after another, as "
        "128,160,192, pixels; empty: image_size.", checks.pixels
    )
    augment: str = field.data(
        "flip", "Operations on the device, such as flip|pad_crop(4)|mixup(0.2)."
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
        "all", "Layers that learn after frozen_epochs: all, head, or from:STAGE, as from:stage4.",
        checks.matching(r"all|head|from:\w+", "all, head, or from:STAGE, as from:stage4")
    )
    freeze_bn: bool = field.transfer(False, "Keep the weights' batch normalisations as they are.")
    unfrozen_rate: float = field.transfer(
        0.1, "Factor on the learning rate after frozen_epochs.", checks.up_to_one
    )
    stage_decay: float = field.transfer(
        1.0, "Factor on the learning rate of a stage against the one behind it.", checks.up_to_one
    )

    batch_size: int = field.optimisation(256, "Images a step, over all devices.", at_least(1))
    epochs: int = field.optimisation(120, "Passes over the training images.", at_least(1))
    learning_rate: float = field.optimisation(
        0.1, "Peak learning rate for a batch of base_batch_size images; the peak of the run is "
        "learning_rate * batch_size / base_batch_size.", checks.over_zero
    )
    base_batch_size: int = field.optimisation(
        256, "Batch size that learning_rate is meant for, images.", at_least(1)
    )
    schedule: str = field.optimisation(
        "cosine", "Learning rate over the run: cosine, constant, step(30, 60, 90, factor=0.1), "
        "exponential(0.97), polynomial(power=1), cosine_restarts(10, multiply=2), cyclic(4, "
        "low=0.1), one_cycle, plateau(factor=0.1, patience=10), or package.module:Name; lengths "
        "in epochs."
    )
    warmup_epochs: float = field.optimisation(
        0.0, "Epochs at the start in which the rate grows from 0 in a straight line."
    )
    optimizer: str = field.optimisation(
        "nesterov(0.9)", "Optimizer: sgd, momentum, nesterov, adam, adamw, adagrad, rmsprop, "
        "lars, lamb or package.module:Name, with arguments as adam(beta_2=0.99)."
    )
    weight_decay: float = field.optimisation(
        1e-4, "L2 penalty: this times the weight is added to the gradient.", at_least(0)
    )
    decoupled_decay: bool = field.optimisation(
        False, "Take weight_decay times the learning rate off the weight itself, not through the "
        "gradient."
    )
    l1_penalty: float = field.optimisation(
        0.0, "L1 penalty: this times the sign of the weight is added to the gradient.", at_least(0)
    )
    bias_decay: bool = field.optimisation(
        False, "Apply the penalties to biases and batch-norm parameters too."
    )
    clip_norm: float = field.optimisation(
        0.0, "Largest norm of all gradients together; 0: no limit.", at_least(0)
    )
    clip_value: float = field.optimisation(
        0.0, "Largest absolute value of an entry of a gradient; 0: no limit.", at_least(0)
    )
    micro_batches: int = field.optimisation(
        1, "Parts into which each device divides its batch, to save memory.", at_least(1)
    )
    averaging: str = field.optimisation(
        "", "Average of the weights that is evaluated and exported: ema(decay=0.9999), "
        "swa(start=75, every=1) in epochs, or package.module:Name; empty: none."
    )
    patience: int = field.optimisation(
        0, "Early stopping: evaluations in a row without a better validation top-1 after which "
        "the run ends, with its best weights; 0: never.", at_least(0)
    )
    loss: str = field.optimisation(
        "cross_entropy", "Loss in training: cross_entropy, binary_cross_entropy, focal(gamma=2, "
        "alpha=0.25), mean_squared_error, huber(delta=0.5), kullback_leibler or "
        "package.module:Name; evaluation reports cross-entropy in nats.", check_loss
    )
    label_smoothing: float = field.optimisation(
        0.0, "Share of the label that is spread over all classes, 0 to 1.", checks.below_one
    )
    class_weights: str = field.optimisation(
        "", "Factors on the loss, one a class, as 1,2,0.5; balanced: by how rare each class is; "
        "empty: 1.", checks.class_weights
    )
    aux_weight: float = field.optimisation(
        0.0, "Weight of the loss of each auxiliary classifier, for models that have some; 0: the "
        "model is built without them.", at_least(0)
    )
    seed: int = field.optimisation(
        0, "Seed of the initialisation, the order of the images and the augmentation.", checks.seed
    )

    teacher: str = field.distillation(
        "", "Weights of the teacher to distil from, as for weights; empty: no teacher."
    )
    teacher_model: str = field.distillation(
        "", "Architecture of the teacher; empty: what its weights say.", or_empty(check_model)
    )
    temperature: float = field.distillation(
        20.0, "Divisor of the logits of teacher and student.", checks.over_zero
    )
    hard_weight: float = field.distillation(
        0.5, "Share of the loss on the labels, 0 to 1; the rest: the teacher.", checks.below_one
    )

    precision: str = field.machine(
        "float32", f"Precision of the computation: {', '.join(PRECISIONS)} (dynamic loss scale).",
        checks.one_of(PRECISIONS)
    )
    xla: str = field.machine(
        "auto", "Compile the step with XLA: on, off, or auto (on GPUs alone: it is slower on "
        "CPUs).", checks.one_of(XLA_MODES)
    )
    virtual_devices: int = field.machine(
        1, "Devices that the CPU is divided into, to try several replicas.", at_least(1)
    )
    steps_per_call: int = field.machine(
        50, "Most training steps between two returns to Python.", at_least(1), changes_result=False
    )
    host_threads: int = field.machine(
        0, "Threads that read and decode images; 0: one a core.", at_least(0), changes_result=False
    )
    host_ops: str = field.machine(
        "auto", "Ops that crop and resize training images: native (compiled for this processor, "
        "faster), tensorflow, or auto: native where it can be had.", checks.one_of(host_ops.CHOICES)
    )
    deterministic: bool = field.machine(
        False, "Use only reproducible kernels on a GPU (slower); on a CPU all are."
    )
    sync_bn: bool = field.machine(
        False, "Take batch-norm statistics over the images of all devices; without XLA."
    )
    recompute: bool = field.machine(
        False, "Compute activations twice instead of keeping them (gradient checkpointing)."
    )

    run_dir: str = field.output(
        "", "Folder of the run, new or begun; empty: runs/NAME-TIME.", checks.path
    )
    data_changed: str = field.output(
        "refuse", "Where the images of a run to be resumed have changed: refuse, or accept: go on "
        "with what is there now, which is noted.", checks.one_of(("refuse", "accept"))
    )
    evaluate_every: int = field.output(1, "Epochs between two evaluations.", at_least(1))
    checkpoint_every: int = field.output(
        1000, "Steps between two checkpoints; there is one at each evaluation too.", at_least(1)
    )
    keep_checkpoints: int = field.output(2, "Newest checkpoints that are kept.", at_least(1))
    profile_steps: tuple[float, ...] = field.output(
        (), "Steps that TensorBoard's profiler looks at, FIRST,LAST; or none.", checks.first_last
    )
    export: bool = field.output(True, "Write the SavedModel at the end.")

    # True for the recipe of a run that has begun: what it began with may have gone since.
    begun: dataclasses.InitVar[bool] = False

    def __post_init__(self, begun: bool):
        for own in dataclasses.fields(self):
            with rules.named(own.name):
                value = checks.as_type(getattr(self, own.name), type(own.default))
                own.metadata["check"](value)
            object.__setattr__(self, own.name, value)
        rules.check(self, origins=not begun)

    @property
    def peak_rate(self) -> float:
        """The largest learning rate of the run: learning_rate for its own batch size."""
        return self.learning_rate * self.batch_size / self.base_batch_size

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def difference(self, other: Recipe, *, only_result: bool = False) -> dict[str, tuple]:
        """Fields in which this recipe differs: name -> (value here, value of `other`).

        With `only_result`, leaves out those that change where or how often things are written
        but not what is computed.
        """
        return {
            own.name: (getattr(self, own.name), getattr(other, own.name))
            for own in dataclasses.fields(self)
            if getattr(self, own.name) != getattr(other, own.name)
            and (own.metadata["changes_result"] or not only_result)
        }
