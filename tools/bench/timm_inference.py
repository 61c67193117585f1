"""Inference images/s of timm on PyTorch, as it is and by torch.compile: the peer of
tools/bench/inference.py.

    PEERS_ENVIRONMENT/bin/python tools/bench/timm_inference.py BATCH [MODEL ...]

Needs timm and PyTorch, which the zoo does not: an environment of its own. Weights and images in
bfloat16, channels last; on a GPU where there is one.
"""

import statistics
import sys
import time

import timm
import torch

batch = int(sys.argv[1])
device, calls = ("cuda", 20) if torch.cuda.is_available() else ("cpu", 3)
torch.backends.cudnn.benchmark = True


def wait() -> None:
    if device == "cuda":
        torch.cuda.synchronize()


for name in sys.argv[2:] or ["resnet50d"]:
    for compiled in (False, True):
        model = timm.create_model(name).eval().to(device, torch.bfloat16)
        model = model.to(memory_format=torch.channels_last)
        run = torch.compile(model) if compiled else model
        images = torch.randn(batch, 3, 224, 224, device=device, dtype=torch.bfloat16)
        images = images.to(memory_format=torch.channels_last)
        with torch.inference_mode():
            began = time.perf_counter()
            for _ in range(3):
                run(images)
            wait()
            first, rates = time.perf_counter() - began, []
            for _ in range(3):
                began = time.perf_counter()
                for _ in range(calls):
                    run(images)
                wait()
                rates.append(calls * batch / (time.perf_counter() - began))
        print(f"timm {name} {'compiled' if compiled else 'eager'}, batch {batch}, bfloat16: "
              f"{statistics.median(rates):.0f} images/s ({min(rates):.0f}-{max(rates):.0f}), "
              f"first three calls {first:.0f} s", flush=True)
