"""A small app: fine-tunes a pretrained network on an image folder with Keras' own `fit`.

    python examples/finetune_folder.py FOLDER OUT.keras

FOLDER holds a folder of images a class. What is written takes pictures of 224x224 pixels in levels
of 0..255 and returns probabilities; it opens in any Keras 3 app, which needs no zoo for it.
"""

import sys
from pathlib import Path

import keras

import zoo

SIDE = 224


def main(folder: str, out: str) -> None:
    images = keras.utils.image_dataset_from_directory(
        folder, image_size=(SIDE, SIDE), batch_size=16, validation_split=0.25, subset="both",
        seed=0, crop_to_aspect_ratio=True, interpolation="bicubic", verbose=False,
    )
    class_names = images[0].class_names
    model = zoo.create_model("efficientnet_lite0", weights="imagenet")
    # The normalisation goes into the model, so that nobody can forget it.
    own = zoo.with_preprocessing(zoo.transfer(model, num_classes=len(class_names)))
    app = keras.Sequential([own, keras.layers.Softmax(dtype="float32")])
    app.compile(
        keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    training, validation = images
    app.fit(training, validation_data=validation, epochs=5, verbose=2)
    app.save(out)

    photo = next(path for path in sorted(Path(folder).rglob("*")) if path.is_file())
    array = keras.utils.img_to_array(keras.utils.load_img(
        photo, target_size=(SIDE, SIDE), keep_aspect_ratio=True, interpolation="bicubic"
    ))
    probabilities = app.predict(array[None], verbose=0)
    [best] = zoo.decode_predictions(probabilities, top=2, class_names=class_names)
    print(f"{photo}: {best}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
