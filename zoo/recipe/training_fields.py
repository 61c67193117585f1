"""The fields of a recipe that say how it is trained, on what machine, and what is written."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.core.distillation import check_distillation
from zoo.core.group_decay import check_group_decay
from zoo.core.losses import check_loss
from zoo.data import host_ops
from zoo.models import check_model
from zoo.recipe import checks, field
from zoo.recipe.checks import PRECISIONS, XLA_MODES, at_least, or_empty


@dataclass(frozen=True)
class TrainingFields:
    """Sections Optimisation, Distillation, Machine and Output of `zoo.recipe.Recipe`."""

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
        "nesterov(0.9)", "Optimizer: sgd, momentum, nesterov, adam, adamw, nadamw, lion, muon, "
        "adagrad, rmsprop, lars, lamb, schedule_free_adamw or package.module:Name, with "
        "arguments as adam(beta_2=0.99)."
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
    group_decay: str = field.optimisation(
        "", "Weight decay of groups of weights in place of weight_decay, as norm=0,bias=2e-5; "
        "norm: scales and offsets of normalisations, bias: all other biases, depthwise: kernels of "
        "depthwise convolutions.", check_group_decay
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
    keep: str = field.optimisation(
        "last", "Weights that the run leaves: those of its last or of its best evaluation; with "
        "patience the best.", checks.one_of(("last", "best"))
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
    head_bias: str = field.optimisation(
        "zero", "Bias that a new classifier starts with: zero, or prior, -ln(classes), for "
        "binary_cross_entropy.", checks.one_of(("zero", "prior"))
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
    distillation: str = field.distillation(
        "kullback_leibler", "Loss against the teacher: kullback_leibler, binary_kullback_leibler, "
        "dist(inter=1, intra=1) or package.module:Name.", check_distillation
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
        False, "Use only reproducible kernels on a GPU, without XLA (slower); on a CPU all are."
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
    noise_scale: bool = field.output(
        False, "Show the gradient noise scale on TensorBoard: the batch size beyond which more "
        "images help little; with several devices or micro_batches."
    )
    profile_steps: tuple[float, ...] = field.output(
        (), "Steps that TensorBoard's profiler looks at, FIRST,LAST; or none.", checks.first_last
    )
    export: bool = field.output(True, "Write the SavedModel at the end.")
