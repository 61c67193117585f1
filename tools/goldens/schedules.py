"""Writes tests/core/goldens/schedules.npz: timm's cosine restarts, timm's and PyTorch's averages.

    TORCH_ENVIRONMENT/bin/python tools/goldens/schedules.py tests/core/goldens/schedules.npz

Runs in an environment of its own (torch==2.13.0 timm==1.0.31 numpy) and imports nothing of the zoo.
Arrays, by the zoo's spec: "rates/SPEC" [84], the learning rate of each step, peak 0.4, 7 steps an
epoch, 7 steps of warmup; "averages/SPEC" [40, 3], after each step, of "values" [40, 3] and at first
9, 5 steps an epoch, 8 epochs, 16 images a batch.
"""

import sys

import numpy as np
import torch
from timm.scheduler import CosineLRScheduler
from timm.utils import ModelEmaV3

STEPS, WARMUP, PEAK = 84, 7, 0.4
RESTARTS = {
    "cosine_restarts(2)": {"t_initial": 14, "cycle_limit": 100},
    "cosine_restarts(2, decay=0.5)": {"t_initial": 14, "cycle_decay": 0.5, "cycle_limit": 100},
    "cosine_restarts(1, multiply=2, decay=0.7, end=0.05)": {
        "t_initial": 7, "cycle_mul": 2.0, "cycle_decay": 0.7, "cycle_limit": 100,
        "lr_min": 0.05 * PEAK,
    },
    "cosine_restarts(2, decay=0.5, end=0.01, cycles=3)": {
        "t_initial": 14, "cycle_decay": 0.5, "cycle_limit": 3, "lr_min": 0.01 * PEAK,
    },
    "cosine_restarts(1, multiply=1.5, cycles=4)": {
        "t_initial": 7, "cycle_mul": 1.5, "cycle_limit": 4,
    },
}
STEPS_PER_EPOCH, EPOCHS, BATCH = 5, 8, 16
TIMM = {
    "ema(0.9, ramp=constant)": {"decay": 0.9},
    "ema(0.9, ramp=timm)": {"decay": 0.9, "use_warmup": True},
    "ema(0.9, ramp=timm, start=2)": {"decay": 0.9, "use_warmup": True, "update_after_step": 10},
    "ema(0.9, ramp=constant, start=1.4)": {"decay": 0.9, "update_after_step": 7},
}
# --model-ema-decay, --model-ema-steps and --lr-warmup-epochs of torchvision's references.
TORCHVISION = {
    "ema(0.96, ramp=constant, torchvision=True)": (0.96, 1, 0),
    "ema(0.96, every=3, ramp=constant, torchvision=True, start=2)": (0.96, 3, 2),
    "ema(0.9, every=4, ramp=constant, torchvision=True)": (0.9, 4, 0),
}


def main(out: str) -> None:
    arrays = {f"rates/{spec}": restarts(**options) for spec, options in RESTARTS.items()}
    values = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    arrays["values"] = values
    for spec, options in TIMM.items():
        arrays[f"averages/{spec}"] = timm_averages(values, options)
    for spec, options in TORCHVISION.items():
        arrays[f"averages/{spec}"] = torchvision_averages(values, *options)
    np.savez_compressed(out, **arrays)


def restarts(**options):
    """The rate of each step. In its warmup timm begins at 0, the zoo at a part of the peak."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler = CosineLRScheduler(
        optimizer, warmup_t=WARMUP, warmup_prefix=True, t_in_epochs=False, **options
    )
    rates = []
    for step in range(STEPS):
        scheduler.step_update(step)
        rates.append(optimizer.param_groups[0]["lr"])
    return np.array(rates)


def model_of(value):
    model = torch.nn.Linear(3, 1, bias=False, dtype=torch.float64)
    model.weight.data[0] = torch.tensor(value)
    return model


def timm_averages(values, options):
    average, found = ModelEmaV3(model_of(np.full(3, 9.0)), **options), []
    for step, value in enumerate(values):
        average.update(model_of(value), step=step + 1)  # as train.py: the number of updates done
        found.append(average.module.weight[0].detach().numpy().copy())
    return np.array(found)


def torchvision_averages(values, decay, every, warmup_epochs):
    """references/classification/train.py and utils.py; updates after steps every, 2 every, ...,
    where the references begin each epoch with one."""
    alpha = min(1.0, (1 - decay) * BATCH * every / EPOCHS)

    def average_of(average, value, count):
        return (1 - alpha) * average + alpha * value

    average = torch.optim.swa_utils.AveragedModel(
        model_of(np.full(3, 9.0)), avg_fn=average_of, use_buffers=True
    )
    found = []
    for step, value in enumerate(values):
        if (step + 1) % every == 0:
            average.update_parameters(model_of(value))
            if (step + 1) / STEPS_PER_EPOCH <= warmup_epochs:
                average.n_averaged.fill_(0)
        found.append(average.module.weight[0].detach().numpy().copy())
    return np.array(found)


if __name__ == "__main__":
    main(*sys.argv[1:])
