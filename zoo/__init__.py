"""A reference model zoo for image classification on TensorFlow and Keras 3.

    import zoo
    zoo.list_models("resnet*d")
    model = zoo.create_model("resnet50d", num_classes=10, zero_gamma=True)

Importing it loads no TensorFlow; building a model does.
"""

from zoo.models import ModelInfo, create_model, list_models, model_info

__version__ = "0.1.0"
__all__ = ["ModelInfo", "create_model", "list_models", "model_info"]
