"""One training step of a whole recipe in PyTorch: the peer that tools/bench/whole_step.py calls.

    PEERS_ENVIRONMENT/bin/python tools/bench/timm_whole_step.py RECIPE FOLDER

Needs timm and torchvision, which the zoo does not: an environment of its own. FOLDER/batch.npz has
images float32 [B, S, S, 3] in 0..255, augmented and mixed, and labels [B, 1000]. Writes
FOLDER/before.safetensors (new weights), after.safetensors and loss.json.
"""

import json
import sys
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import save_file
from timm.loss import BinaryCrossEntropy
from timm.optim import create_optimizer_v2
from torch import nn

recipe, folder = sys.argv[1], Path(sys.argv[2])
torch.manual_seed(0)
torch.set_num_threads(2)
model = timm.create_model("resnet50", num_classes=1000).train()
save_file({k: v.contiguous() for k, v in model.state_dict().items()},
          folder / "before.safetensors")
batch = np.load(folder / "batch.npz")
mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
images = (torch.tensor(batch["images"]).permute(0, 3, 1, 2) / 255 - mean) / std
labels = torch.tensor(batch["labels"])
if recipe == "rsb_a2":
    criterion = BinaryCrossEntropy(smoothing=0.0, target_threshold=0.2)
    optimizer = create_optimizer_v2(model, "lamb", lr=0.005, weight_decay=0.02)
else:  # tv2, as torchvision's references put it together
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    norms = [p for m in model.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()]
    ids = {id(p) for p in norms}
    others = [p for p in model.parameters() if id(p) not in ids]
    optimizer = torch.optim.SGD(
        [{"params": others, "weight_decay": 2e-5}, {"params": norms, "weight_decay": 0.0}],
        lr=0.5, momentum=0.9,
    )
loss = criterion(model(images), labels)
loss.backward()
optimizer.step()
save_file({k: v.contiguous() for k, v in model.state_dict().items()},
          folder / "after.safetensors")
(folder / "loss.json").write_text(json.dumps(float(loss.detach())))
