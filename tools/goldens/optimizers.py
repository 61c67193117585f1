"""Writes tests/core/goldens/optimizers.npz: ten steps of PyTorch's and timm's optimizers.

    TORCH_ENVIRONMENT/bin/python tools/goldens/optimizers.py tests/core/goldens/optimizers.npz

Runs in an environment of its own (torch==2.13.0 timm==1.0.31 schedulefree==1.4.1
numpy) and imports nothing of the zoo. All is computed in float64.

Arrays: "weight/NAME" and "gradient/NAME" [10, ...] are what goes in,
"rates" [10] the learning rates, "after/SPEC/NAME" the weights after ten steps, by the zoo's spec,
"evaluated/SPEC/NAME" those to evaluate where they are others.
Kernels are [height, width, in, out], as TensorFlow has them; weights of rank 1 have no decay.
"""

import sys

import numpy as np
import torch
from schedulefree import AdamWScheduleFree
from timm.optim import muon
from timm.optim.adamw import AdamWLegacy
from timm.optim.lion import Lion
from timm.optim.muon import Muon
from timm.optim.nadamw import NAdamW
from timm.optim.rmsprop_tf import RMSpropTF

SHAPES = {
    "convolution": (2, 3, 3, 5), "dense": (7, 4), "depthwise": (2, 2, 3, 1), "bias": (4,),
    "classifier": (4, 3),
}
STEPS, DECAY = 10, 0.1
MATRICES = ("convolution", "dense")  # of what Muon is for

OPTIMIZERS = {
    "nadamw": lambda groups: NAdamW(groups, betas=(0.9, 0.999), eps=1e-8, foreach=False),
    "nadamw(cautious=True)": lambda groups: NAdamW(groups, caution=True, foreach=False),
    "adamw(cautious=True)": lambda groups: AdamWLegacy(groups, caution=True),
    "lion": lambda groups: Lion(groups, betas=(0.9, 0.99), foreach=False),
    "lion(cautious=True)": lambda groups: Lion(groups, caution=True, foreach=False),
    "rmsprop(initial=1)": lambda groups: RMSpropTF(
        groups, alpha=0.9, eps=1e-3, momentum=0.9, foreach=False
    ),
}


def main(out: str) -> None:
    generator = np.random.default_rng(0)
    weights = {name: generator.normal(size=shape) for name, shape in SHAPES.items()}
    gradients = {name: generator.normal(size=(STEPS, *shape)) for name, shape in SHAPES.items()}
    weights, gradients = (
        {name: value.astype(np.float32) for name, value in some.items()}
        for some in (weights, gradients)
    )
    rates = 0.1 * (1 - np.arange(STEPS) / STEPS)
    arrays = {"rates": rates}
    for name in SHAPES:
        arrays |= {f"weight/{name}": weights[name], f"gradient/{name}": gradients[name]}
    found = {
        spec: ten_steps([make], [list(SHAPES)], weights, gradients, rates)
        for spec, make in OPTIMIZERS.items()
    }
    # Muon iterates in bfloat16, to be fast: not what is compared here.
    *defaults, dtype, scale_eps = muon.zeropower_via_newtonschulz.__defaults__
    assert dtype == torch.bfloat16
    muon.zeropower_via_newtonschulz.__defaults__ = (*defaults, torch.float64, scale_eps)
    found["muon"] = ten_steps(
        [
            lambda groups: Muon(
                groups, momentum=0.95, nesterov=True, ns_coefficients="original",
                adjust_lr_fn="match_rms_adamw", conv_mode="flatten",
            ),
            lambda groups: torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8),
        ],
        [MATRICES, [name for name in SHAPES if name not in MATRICES]], weights, gradients, rates,
    )
    schedule_free = []
    found["schedule_free_adamw"] = ten_steps(
        [lambda groups: schedule_free.append(AdamWScheduleFree(groups)) or schedule_free[0]],
        [list(SHAPES)], weights, gradients, rates,
    )
    schedule_free[0].eval()
    for name, group in zip(SHAPES, schedule_free[0].param_groups, strict=True):
        arrays[f"evaluated/schedule_free_adamw/{name}"] = ours(group["params"][0])
    for spec, after in found.items():
        arrays |= {f"after/{spec}/{name}": value for name, value in after.items()}
    np.savez_compressed(out, **arrays)


def ten_steps(makers, names_of, weights, gradients, rates):
    """The weights after the steps, by name: each optimizer of `makers` has its `names_of` them."""
    # PyTorch's kernels are [out, in, height, width].
    parameters = {name: torch.nn.Parameter(theirs(value)) for name, value in weights.items()}
    optimizers = [
        make([
            {"params": [parameters[name]], "weight_decay": DECAY * (len(SHAPES[name]) > 1)}
            for name in names
        ])
        for make, names in zip(makers, names_of, strict=True)
    ]
    for optimizer in optimizers:
        getattr(optimizer, "train", tuple)()
    for step, rate in enumerate(rates):
        for name, parameter in parameters.items():
            parameter.grad = theirs(gradients[name][step])
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
    return {name: ours(parameter).copy() for name, parameter in parameters.items()}


def theirs(value):
    tensor = torch.tensor(value, dtype=torch.float64)
    return tensor.permute(3, 2, 0, 1).contiguous() if tensor.ndim == 4 else tensor.T.contiguous()


def ours(parameter):
    value = parameter.detach()
    return (value.permute(2, 3, 1, 0) if value.ndim == 4 else value.T).numpy()


if __name__ == "__main__":
    main(*sys.argv[1:])
