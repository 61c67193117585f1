"""How each command of the documents is tested: a new one needs a row here.

The first row whose pattern is found in the command, or in the text of a Python block, is its rule.
A row without a reason is run, with `flags` behind it that make a training short; a row with a
reason is only checked: its module, its flags and their values.
"""

from __future__ import annotations

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Rule:
    pattern: str
    flags: str = ""
    reason: str = ""


# A minute of a real network costs the suite more than it shows: lenet stands for all of them.
SHORT = "--epochs=1 --train_images=200 --export=false"
SMALL = ("--model=lenet --model_options= --channels=1 --image_size=28 --eval_resize=28 "
         "--augment= --batch_size=16 --train_images=32 --export=false")
GREY = "--mean=33.3 --std=78.6"

RULES = [
    # What cannot run here.
    Rule(r"^pip install|^python -m venv|^\. env/", reason="changes the environment"),
    Rule(r"^python -m pytest", reason="is what runs this"),
    Rule(r"^ruff check", reason="a step of .ci/run"),
    Rule(r"^docker ", reason="needs Docker and a network"),
    Rule(r"^python examples/classify_", reason="needs a server; tests/export/test_callers.py"),
    Rule(r"/data/(tfds|imagenet)|/downloads", reason="needs ImageNet"),
    Rule(r"--port=505", reason="runs until it is stopped; tests/tools/test_data_service.py"),
    Rule(r"--precision=mixed_bfloat16 --xla=on", reason="needs a GPU: minutes of compiling"),
    Rule(r"--sync_bn", reason="a minute; tests/core/test_batch_norm.py"),
    Rule(r"-m tools\.explain .*--what=(zoo|diagram)",
         reason="seconds a network; tests/explain/test_pictures.py"),
    Rule(r"-m tools\.ablate", reason="minutes; tests/tools/test_ablate_tool.py"),
    Rule(r"^python examples/finetune_folder", reason="tests/test_examples.py runs it"),
    Rule(r'weights="(timm:resnet50d|hf:)', reason="needs a network"),
    # What runs as it is.
    Rule(r"--help$"),
    Rule(r"^python -c|-m zoo (doctor|recipes|models|weights)"),
    Rule(r"^(import|from|print|for|own|app|maps|opened|keras|model)\b", ""),
    Rule(r"-m tools\.(evaluate|export|data_statistics|predict|ensemble|check_start|find_lr|"
         r"validate_zoo|runs|compare_runs|explain)"),
    Rule(r"-m tools\.linear_probe|saved_model_cli"),
    Rule(r"-m tools\.prepare_data --folder"),
    # What is made short.
    Rule(r"-m tools\.digits_folder", "--train_per_class=8 --validation_per_class=4"),
    Rule(r"-m tools\.show_data", "--count=8"),
    Rule(r"-m tools\.show_augment", "--size=32 --rows=2"),
    Rule(r"-m tools\.sweep", f"--trials=1 {SHORT}"),
    Rule(r"-m recipes\.lenet.*step\(", "--train_images=200 --export=false"),
    Rule(r"-m recipes\.lenet", SHORT),
    Rule(r"-m recipes\.resnet50d .*smoke", "--model=lenet --model_options= --train_images=50 "
         "--batch_size=25 --epochs=1 --export=false"),
    # The rate falls three times, each at a step of its own: 2 steps an epoch.
    Rule(r"-m recipes\.resnet18", f"{SMALL} {GREY} --epochs=4"),
    Rule(r"-m recipes\.finetune", f"{SMALL} --weights=mnist --epochs=2 --frozen_epochs=1"),
]

def rule_of(unit: str) -> Rule | None:
    """The first rule of a command or of a Python block's text; None where there is none."""
    return next((rule for rule in RULES if re.search(rule.pattern, unit)), None)
