"""The models by name: what there is, building one, its size.

    registry.py       the names, from the families' tables; models of other packages by address
    create.py         building a model
    structure.py      which layers of a model do what
    counting.py       parameters and multiply-adds
    family.py         what a family's table has, and the ends that networks share
    blocks.py         the layers that networks share
    initializers.py   what new kernels are drawn from
    checks.py         the ranges of options

Every other file is a family. Importing this loads no Keras.
"""

from zoo.models.counting import ModelInfo, count_macs, count_trainable
from zoo.models.create import create_model, model_info
from zoo.models.registry import check_model, family_of, list_models, structure_of

__all__ = [
    "ModelInfo",
    "check_model",
    "count_macs",
    "count_trainable",
    "create_model",
    "family_of",
    "list_models",
    "model_info",
    "structure_of",
]
