"""Training images/s of timm on PyTorch on a GPU, as it is and by torch.compile: the peer of
tools/bench/step_parts.py.

    PEERS_ENVIRONMENT/bin/python tools/bench/timm_step.py BATCH [MODEL ...]

Needs timm and PyTorch, which the zoo does not: an environment of its own. Channels last, autocast
to bfloat16, nesterov, smoothed labels, synthetic images on the device.
"""

import statistics
import sys
import time

import timm
import torch

batch = int(sys.argv[1])
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
torch.backends.cudnn.benchmark = True
for name in sys.argv[2:] or ["resnet50d"]:
    for compiled in (False, True):
        model = timm.create_model(name).cuda().to(memory_format=torch.channels_last)
        run = torch.compile(model) if compiled else model
        optimizer = torch.optim.SGD(
            model.parameters(), 0.01, momentum=0.9, nesterov=True, weight_decay=1e-4
        )
        images = torch.randn(batch, 3, 224, 224, device="cuda")
        images = images.to(memory_format=torch.channels_last)
        labels = torch.randint(0, 1000, (batch,), device="cuda")

        def step(run=run, optimizer=optimizer, images=images, labels=labels):
            with torch.autocast("cuda", torch.bfloat16):
                logits = run(images).float()
                loss = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

        began = time.perf_counter()
        for _ in range(5):
            step()
        torch.cuda.synchronize()
        first, rates = time.perf_counter() - began, []
        for _ in range(3):
            began = time.perf_counter()
            for _ in range(10):
                step()
            torch.cuda.synchronize()
            rates.append(10 * batch / (time.perf_counter() - began))
        memory = torch.cuda.max_memory_allocated() / 2**30
        print(f"timm {name} {'compiled' if compiled else 'eager'}, batch {batch}: "
              f"{statistics.median(rates):.0f} images/s ({min(rates):.0f}-{max(rates):.0f}), first "
              f"five steps {first:.0f} s, peak {memory:.1f} GiB", flush=True)
        del model, run, optimizer
        torch.cuda.empty_cache()
