"""Recipe: every number of a training run, in one frozen, validated dataclass.

Loads no TensorFlow, so that a wrong value is told at once.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from zoo.data.host_ops import CHOICES as HOST_OPS
from zoo.data.resize import METHODS
from zoo.recipe import check as recipe_check
from zoo.recipe.check import PRECISIONS


def _field(default, help_text: str, section: str, *, changes_result: bool = True):
    metadata = {"help": help_text, "section": section, "changes_result": changes_result}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Recipe:
    """The fields' help texts say what they are, with units; zoo/cli.py makes one flag of each.

    Raises ValueError, in one line, for a value that cannot be.
    """

    name: str = _field("run", "name of the recipe; run folders are called after it", "Model")
    model: str = _field("resnet50", "architecture; zoo.list_models() lists them", "Model")
    model_options: str = _field(
        "", "options of the builder, such as zero_gamma=True or activation=gelu", "Model"
    )

    data: str = _field(
        "mnist5k",
        "mnist5k, idx:DIR, folder:DIR, tfrecord:PATTERN, tfds:NAME or synthetic",
        "Data",
    )
    data_dir: str = _field("", "where tfds: sets lie; empty: TFDS's own default", "Data")
    image_size: int = _field(224, "side of the square images that the model sees, pixels", "Data")
    channels: int = _field(3, "1 (grey) or 3 (RGB); images are converted", "Data")
    crop_area: tuple[float, ...] = _field(
        (0.08, 1.0),
        "training crop: smallest and largest share of the image's area; 1,1: the whole image",
        "Data",
    )
    crop_ratio: tuple[float, ...] = _field(
        (3 / 4, 4 / 3), "training crop: smallest and largest width over height", "Data"
    )
    scale_jitter: tuple[float, ...] = _field(
        (),
        "training crop, instead: LOW,HIGH of the short side before a random crop, pixels, as "
        "256,480; empty: by crop_area", "Data",
    )
    train_resizing: str = _field("area", f"{', '.join(METHODS)}; see zoo/data/resize.py", "Data")
    eval_resizing: str = _field(
        "bilinear", "as train_resizing; empty: that of the weights", "Data"
    )
    eval_resize: int = _field(
        256, "evaluation: short side before the centre crop of image_size, pixels", "Data"
    )
    mean: tuple[float, ...] = _field(
        (123.68, 116.779, 103.939),
        "mean of each channel, in levels of 0..255; empty: that of the weights", "Data",
    )
    std: tuple[float, ...] = _field(
        (58.393, 57.12, 57.375),
        "standard deviation of each channel, in levels of 0..255; empty: that of the weights",
        "Data",
    )
    on_bad_image: str = _field(
        "fail",
        "a training image that cannot be read: fail when it is met, or skip: try all at the start "
        "and leave the bad ones out",
        "Data",
    )
    data_service: str = _field(
        "", "grpc://HOST:PORT of a tf.data service that reads the training images; empty: here",
        "Data", changes_result=False,
    )
    cache_mb: int = _field(
        1024, "sets smaller than this when decoded stay in memory, MiB", "Data",
        changes_result=False,
    )
    data_on_device: bool = _field(
        False, "the training images, decoded and of one size as MNIST's or CIFAR's, lie whole in "
        "the memory of each device, which picks its batches there; no crops: crop_area=1,1",
        "Data", changes_result=False,
    )
    train_images: int = _field(
        0, "train on so many of the training images only, of each class its share, always the "
        "same ones; 0: all", "Data",
    )
    train_sizes: tuple[float, ...] = _field(
        (),
        "sides of the training images, one after another in equal parts of the run, as "
        "128,160,192, pixels; empty: image_size",
        "Data",
    )
    augment: str = _field(
        "flip", "operations on the device, such as flip|pad_crop(4)|mixup(0.2)", "Data"
    )

    weights: str = _field(
        "",
        "start from these: imagenet, a name as timm:resnet50d.ra2_in1k, a file, a run's folder; "
        "empty: new ones",
        "Transfer",
    )
    frozen_epochs: float = _field(
        0.0, "epochs at the start in which only the classifier learns", "Transfer"
    )
    trainable: str = _field(
        "all", "what learns, after frozen_epochs: all, head, or from:STAGE, as from:stage4",
        "Transfer",
    )
    freeze_bn: bool = _field(
        False, "batch normalisations stay as they are in the weights, in inference mode",
        "Transfer",
    )
    unfrozen_rate: float = _field(
        0.1, "factor on the learning rate after frozen_epochs", "Transfer"
    )
    stage_decay: float = _field(
        1.0, "factor on the learning rate of each stage against the one behind it", "Transfer"
    )

    batch_size: int = _field(256, "images a step, over all devices", "Optimisation")
    epochs: int = _field(120, "passes over the training images", "Optimisation")
    learning_rate: float = _field(
        0.1, "peak learning rate for a batch of base_batch_size images", "Optimisation"
    )
    base_batch_size: int = _field(
        256,
        "linear scaling: the peak is learning_rate * batch_size / base_batch_size",
        "Optimisation",
    )
    schedule: str = _field(
        "cosine",
        "cosine, constant, step(30, 60, 90, factor=0.1), exponential(0.97), polynomial(power=1), "
        "cosine_restarts(10, multiply=2), cyclic(4, low=0.1), one_cycle or plateau(factor=0.1, "
        "patience=10); lengths in epochs, see zoo/core/decay.py",
        "Optimisation",
    )
    warmup_epochs: float = _field(
        0.0, "linear growth of the learning rate from 0, epochs", "Optimisation"
    )
    optimizer: str = _field(
        "nesterov(0.9)",
        "sgd, momentum, nesterov, adam, adamw, adagrad, rmsprop, lars or lamb, with arguments as "
        "adam(beta_2=0.99); see zoo/core/optimizer.py",
        "Optimisation",
    )
    weight_decay: float = _field(
        1e-4, "L2 penalty, added to the gradient before the optimizer", "Optimisation"
    )
    decoupled_decay: bool = _field(
        False, "weight_decay times the rate off the weight instead, past the optimizer",
        "Optimisation",
    )
    l1_penalty: float = _field(
        0.0, "times the sign of the weight, added to the gradient", "Optimisation"
    )
    bias_decay: bool = _field(
        False, "decay biases and batch-norm parameters too, not only kernels", "Optimisation"
    )
    clip_norm: float = _field(
        0.0, "largest norm of all gradients together; 0: any", "Optimisation"
    )
    clip_value: float = _field(
        0.0, "largest size of each entry of the gradients; 0: any", "Optimisation"
    )
    micro_batches: int = _field(
        1, "parts that each device works its batch off in, to save memory", "Optimisation"
    )
    averaging: str = _field(
        "",
        "of the weights, for evaluation and export: ema(decay=0.9999) or swa(start=75, every=1) "
        "in epochs; empty: none",
        "Optimisation",
    )
    patience: int = _field(
        0,
        "early stopping after so many evaluations without a better validation top-1, with the best "
        "weights; 0: none",
        "Optimisation",
    )
    loss: str = _field(
        "cross_entropy",
        "cross_entropy, binary_cross_entropy, focal(gamma=2, alpha=0.25), mean_squared_error, "
        "huber(delta=0.5) or kullback_leibler; evaluation reports cross-entropy, in nats",
        "Optimisation",
    )
    label_smoothing: float = _field(
        0.0, "share of the label spread over all classes, 0 to 1", "Optimisation"
    )
    class_weights: str = _field(
        "",
        "factors on the loss, one a class, as 1,2,0.5; or balanced, by how rare each is; empty: 1",
        "Optimisation",
    )
    aux_weight: float = _field(
        0.0, "of the loss of each auxiliary head, of models that have some; 0: without them",
        "Optimisation",
    )
    teacher: str = _field(
        "",
        "distil from these weights: as for weights, or a run's folder; empty: no teacher",
        "Distillation",
    )
    teacher_model: str = _field(
        "", "architecture of the teacher; empty: what its weights or run say", "Distillation"
    )
    temperature: float = _field(
        20.0, "on the logits of teacher and student", "Distillation"
    )
    hard_weight: float = _field(
        0.5, "share of the loss on the labels, 0 to 1; the rest is on the teacher", "Distillation"
    )
    seed: int = _field(0, "of initialisation, order and augmentation", "Optimisation")

    precision: str = _field(
        "float32", f"{', '.join(PRECISIONS)} (dynamic loss scale)", "Machine"
    )
    xla: str = _field(
        "auto", "compile the step with XLA: auto (on a GPU only: slower on CPUs), on, off",
        "Machine",
    )
    virtual_devices: int = _field(
        1, "splits the CPU into that many devices, to try several replicas", "Machine"
    )
    steps_per_call: int = _field(
        50, "training steps between two returns to Python", "Machine", changes_result=False
    )
    host_threads: int = _field(
        0, "threads that read and decode images; 0: one a core", "Machine", changes_result=False
    )
    host_ops: str = _field(
        "auto",
        f"operations that crop and resize training images: {', '.join(HOST_OPS)}; auto: native "
        "(compiled for this processor, faster) where it can be had", "Machine",
    )
    deterministic: bool = _field(
        False, "on a GPU: only reproducible kernels (slower); a CPU run always is", "Machine"
    )
    sync_bn: bool = _field(
        False, "batch-norm statistics over the images of all devices; without XLA", "Machine"
    )
    recompute: bool = _field(
        False, "compute activations twice, to save memory (gradient checkpointing)", "Machine"
    )

    run_dir: str = _field(
        "", "folder of the run, resumed if it has begun; empty: runs/NAME-TIME", "Output",
        changes_result=False,
    )
    evaluate_every: int = _field(1, "epochs between evaluations", "Output", changes_result=False)
    checkpoint_every: int = _field(
        1000, "steps between checkpoints; there is one at each evaluation too", "Output",
        changes_result=False,
    )
    keep_checkpoints: int = _field(
        2, "how many of the newest checkpoints stay", "Output", changes_result=False
    )
    profile_steps: tuple[float, ...] = _field(
        (), "FIRST,LAST: steps that TensorBoard's profiler looks at; empty: none", "Output",
        changes_result=False,
    )
    export: bool = _field(
        True, "write the SavedModel at the end", "Output", changes_result=False
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value, kind = getattr(self, field.name), type(field.default)
            object.__setattr__(self, field.name, recipe_check.as_kind(field.name, value, kind))
        recipe_check.check(self)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def difference(self, other: Recipe, *, only_result: bool = False) -> dict[str, tuple]:
        """Fields in which this recipe differs: name -> (value here, value of `other`).

        With `only_result`, leaves out those that change where or how often things are written
        but not what is computed.
        """
        return {
            field.name: (getattr(self, field.name), getattr(other, field.name))
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
            and (field.metadata["changes_result"] or not only_result)
        }
