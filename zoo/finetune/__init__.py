"""Using a network for another task: its stages, a new classifier, a linear probe."""

from zoo.finetune.probe import Probe, features_of, linear_probe, with_probe
from zoo.finetune.stages import Stage, feature_extractor, stages
from zoo.finetune.transfer import (
    classifier_weights,
    set_classifier_bias,
    set_trainable,
    stage_rates,
    transfer,
)

__all__ = [
    "Probe",
    "Stage",
    "classifier_weights",
    "feature_extractor",
    "features_of",
    "linear_probe",
    "set_classifier_bias",
    "set_trainable",
    "stage_rates",
    "stages",
    "transfer",
    "with_probe",
]
