"""Every public function as an app calls it: test_typing.py has a type checker read this file."""

from pathlib import Path
from typing import assert_type

import keras
import numpy as np

import zoo

names = zoo.list_models("resnet*d")
assert_type(names, list[str])
info = zoo.model_info("resnet50d", zero_gamma=True)
assert_type(info, zoo.ModelInfo)
assert_type(info.macs, int)

model = zoo.create_model(
    "resnet50d", weights="imagenet", num_classes=5, input_shape=(224, 224, 3), include_top=True,
    pooling=None, classifier_activation="softmax", dropout=0.1, kernel_initializer="msra",
    bn_momentum=0.9, bn_epsilon=1e-5, trust=["mine"], stochastic_depth=0.1, zero_gamma=True,
)
assert_type(model, keras.Model)
assert_type(zoo.load_model(Path("runs/x")), keras.Model)
assert_type(zoo.transfer(model, num_classes=3, trainable="head"), keras.Model)
assert_type(zoo.feature_extractor(model, ["stage4"]), keras.Model)
assert_type(zoo.with_preprocessing(model), keras.Model)
assert_type(zoo.for_inference(model, dtype="bfloat16"), keras.Model)
pictures = [np.zeros((10, 10, 3), np.uint8)]
prepared = zoo.preprocess_input(pictures, model)
for likely in zoo.decode_predictions(np.zeros((1, 1000)), top=3):
    for _, name, probability in likely:
        assert_type(name, str)
        assert_type(probability, float)
assert_type(zoo.save_pretrained(model, "m.safetensors", licence="apache-2.0"), None)
assert_type(zoo.push_to_hub(model, "me/net", private=True), str)
assert_type(zoo.export_model(model, "models", format="onnx", precision="int8"), Path)
assert_type(zoo.save_keras(model, "m.keras"), None)
assert_type(zoo.load_pretrained("timm:resnet50d", {}, num_classes=5), keras.Model)
for stage in zoo.stages(model):
    print(stage)

zoo.create_model("resnet50d", zero_gama=True)  # error: no such option
zoo.create_model("resnet50d", num_classes="5")  # error: a number
zoo.create_model("resnet50d", input_shape=(224, 224))  # error: three numbers
zoo.create_model("resnet50d", weights=3)  # error: a text or a path
zoo.list_models(5)  # error: a text
