"""A model as the list of its calls: what is inside wrapped models, too, and every value on the way.

A Functional or Sequential model is a graph of calls of layers and operations; one of its layers may
be a model itself, as in what `zoo.with_preprocessing` returns. Here all of them are one list, in an
order in which they can be computed. Nothing is added to the model: Keras counts each call of a
layer as part of it.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from zoo.lazy import lazy_module

if TYPE_CHECKING:
    import keras
    import tensorflow as tf
else:
    keras = lazy_module("keras")
    tf = lazy_module("tensorflow")

# What turns logits into probabilities: explanations are of the logits before it.
_PROBABILITIES = ("softmax", "log_softmax", "sigmoid")
Shape = tuple[int | None, ...]


class Call(NamedTuple):
    """One call of a layer or of an operation of `keras.ops`.

    inputs, output: numbers of tensors; shapes: of them, the batch's size None.
    arguments: of Keras' node; places: id of each KerasTensor in them -> number.
    """

    name: str
    operation: Any
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    arguments: Any
    places: Mapping[int, int]

    @property
    def output(self) -> int:
        return self.outputs[0]

    @property
    def is_map(self) -> bool:
        """Whether the output is a feature map [B, h, w, C] of more than one place."""
        return len(self.output_shape) == 4 and self.output_shape[1:3] != (1, 1)


class Graph:
    """The calls between the images and the output of `model`, those of models inside of it too.

    images, output: their numbers. The output is that of the head "logits" where there are several,
    and what stands before a last softmax or sigmoid.

    Raises:
      ValueError: a model that is no graph (a subclass of keras.Model), that takes several inputs,
        has channels in front, or several outputs of which none is called "logits".
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self.name = model.name
        self._number = itertools.count()
        functional = _functional(model)
        if len(functional.inputs) != 1:
            raise ValueError(f"got model {model.name!r} with {len(functional.inputs)} inputs; "
                             "expected one, the images")
        self.images = next(self._number)
        self.image_shape: Shape = tuple(functional.inputs[0].shape[1:])
        self.calls: list[Call] = []
        outputs = self._add(functional, [self.images])
        self.output = outputs[_logits_of(functional)]
        self._keep_what_the_output_needs()
        for call in self.calls:
            if getattr(call.operation, "data_format", None) == "channels_first":
                raise ValueError(f"got model {model.name!r}, whose layer {call.name!r} has "
                                 "channels in front; expected channels_last")
        last = self.calls[-1]
        self._activated = None
        kind = activation_of(last.operation) or type(last.operation).__name__.lower()
        if kind in _PROBABILITIES:
            if getattr(last.operation, "weights", ()):
                self._activated = last  # `run` leaves its activation out
            else:
                self.calls.pop()
                self.output = last.inputs[0]

    def _add(self, functional: keras.Model, inputs: list[int]) -> list[int]:
        """Appends the calls of a model; the numbers of its inputs to those of its outputs."""
        numbers = {id(x): number for x, number in zip(functional.inputs, inputs, strict=True)}
        for depth in sorted(functional._nodes_by_depth, reverse=True):
            for node in functional._nodes_by_depth[depth]:
                if node.is_input:
                    continue
                given = [numbers[id(x)] for x in node.input_tensors]
                if isinstance(node.operation, keras.Model):
                    found = self._add(_functional(node.operation), given)
                else:
                    found = [next(self._number) for _ in node.outputs]
                    self.calls.append(Call(
                        node.operation.name, node.operation, tuple(given), tuple(found),
                        tuple(tuple(x.shape) for x in node.input_tensors),
                        tuple(node.outputs[0].shape), node.arguments,
                        {id(x): numbers[id(x)] for x in node.input_tensors},
                    ))
                numbers.update(zip(map(id, node.outputs), found, strict=True))
        return [numbers[id(x)] for x in functional.outputs]

    def _keep_what_the_output_needs(self) -> None:
        """Drops auxiliary heads and all else that the output does not hang on."""
        self.calls = self.before({self.output})
        if not self.calls:
            raise ValueError(f"got model {self.name!r}, which has no layer; expected a network")

    def before(self, wanted: Iterable[int]) -> list[Call]:
        """The calls that these tensors hang on, in their order."""
        wanted, found = set(wanted), []
        for call in reversed(self.calls):
            if wanted.intersection(call.outputs):
                found.append(call)
                wanted.update(call.inputs)
        return found[::-1]

    def call_of(self, layer: str | None) -> Call:
        """The call of the layer of this name; for None the last that gives a feature map.

        Raises:
          ValueError: no such layer, one that is called twice, or no feature map.
        """
        if layer is not None:
            found = [call for call in self.calls if call.name == layer]
            if len(found) != 1:
                has = f"calls it {len(found)} times" if found else "has none of that name"
                raise ValueError(f"got layer {layer!r}, and model {self.name!r} {has}; expected "
                                 f"one of its layers{self._some_of(layer, maps=False)}")
            return found[0]
        found = [call for call in self.calls if call.is_map]
        if not found:
            raise ValueError(f"got model {self.name!r}, which has no feature map [B, h, w, C]; "
                             "expected a convolutional network")
        return found[-1]

    def map_of(self, layer: str | None) -> Call:
        """As `call_of`, of a layer that gives a feature map [B, h, w, C]."""
        call = self.call_of(layer)
        if not call.is_map:
            raise ValueError(f"got layer {layer!r} of {self.name!r}, whose output is "
                             f"{list(call.output_shape)}; expected a layer with a feature map "
                             f"[B, h, w, C]{self._some_of(layer, maps=True)}")
        return call

    def _some_of(self, layer: str, *, maps: bool) -> str:
        """The names that are the most like this one: a network has hundreds."""
        some = difflib.get_close_matches(layer, self.layers(maps), 3, cutoff=0.0)
        return f", as {', '.join(some)}" if some else ", and this model has none"

    def layers(self, maps: bool = False) -> list[str]:
        """The names of the layers with weights or maps that a user may mean."""
        names = [call.name for call in self.calls
                 if isinstance(call.operation, keras.layers.Layer) and (call.is_map or not maps)]
        return [name for name in dict.fromkeys(names) if names.count(name) == 1]

    def run(
        self, images: tf.Tensor, wanted: Iterable[int] = (),
        compute: Callable[..., Any] | None = None,
    ) -> dict[int, tf.Tensor]:
        """The values of all tensors up to the wanted ones; by default up to the output.

        Layers work as in inference. compute(call, *args, **kwargs) stands in for calling the
        operation.
        """
        compute = compute or (lambda call, *args, **kwargs: call.operation(*args, **kwargs))
        values = {self.images: images}
        for call in self.before(set(wanted) or {self.output}):
            args, kwargs = call.arguments.fill_in(
                {place: values[number] for place, number in call.places.items()}
            )
            if call is self._activated:
                outputs = linear_part(call.operation, *args)
            else:
                outputs = compute(call, *args, **kwargs)
            flat = tf.nest.flatten(outputs)
            values.update(zip(call.outputs, flat, strict=True))
        return values

    def check_images(self, images: Any) -> tf.Tensor:
        """float32 [B, H, W, C] of a batch.

        Raises:
          ValueError: images of another shape than the model takes, or none.
        """
        images = tf.convert_to_tensor(images)
        fits = images.shape.rank == 4 and all(
            own in (None, side)
            for own, side in zip(self.image_shape, images.shape[1:], strict=True)
        )
        if not fits or not images.shape[0]:
            raise ValueError(f"got images of shape {list(images.shape)}; expected "
                             f"[B, {', '.join(map(str, self.image_shape))}], what model "
                             f"{self.name!r} takes")
        return tf.cast(images, "float32")

    def check_classes(self, classes: Any, count: int) -> tf.Tensor | None:
        """int32 [B], the class that each image is explained for; None stays None.

        Raises:
          ValueError: a model without classes, another number of them, one that the model lacks.
        """
        shape = self.calls[-1].output_shape if self.calls else ()
        if len(shape) != 2:
            raise ValueError(f"got model {self.name!r}, whose output is {list(shape)}; expected "
                             "one with a classifier, [B, classes]")
        if classes is None:
            return None
        classes = tf.convert_to_tensor(classes, "int32")
        classes = tf.broadcast_to(classes, [count]) if classes.shape.rank == 0 else classes
        good = classes.shape == (count,) and bool(
            tf.reduce_all((classes >= 0) & (classes < shape[1]))
        )
        if not good:
            raise ValueError(f"got classes={classes.numpy().tolist()}; expected one of 0 to "
                             f"{shape[1] - 1} for each of {count} images")
        return classes


def scores_of(logits: tf.Tensor, classes: tf.Tensor | None) -> tf.Tensor:
    """float32 [B]: each image's logit of its class, or of its likeliest class."""
    logits = tf.cast(logits, "float32")
    if classes is None:
        classes = tf.argmax(logits, axis=-1, output_type="int32")
    return tf.gather(logits, classes, batch_dims=1)


def _functional(model: keras.Model) -> keras.Model:
    if isinstance(model, keras.Sequential):
        if not model.built or not model.inputs:
            raise ValueError(f"got model {model.name!r}, which is not built; expected one with a "
                             "keras.Input")
        return model._functional
    if not hasattr(model, "_nodes_by_depth"):
        raise ValueError(f"got model {model.name!r}, a {type(model).__name__} whose layers are not "
                         "a graph; expected a Functional or Sequential model")
    return model


def _logits_of(functional: keras.Model) -> int:
    """Which of the flat outputs is explained."""
    names = list(functional.output) if isinstance(functional.output, dict) else []
    if len(functional.outputs) == 1:
        return 0
    if "logits" not in names:
        raise ValueError(f"got model {functional.name!r} with {len(functional.outputs)} outputs; "
                         "expected one, or one that is called 'logits'")
    return next(i for i, x in enumerate(functional.outputs) if x is functional.output["logits"])


def activation_of(layer: Any) -> str | None:
    """The name of the activation that a layer has inside; None for none, or "linear"."""
    name = getattr(getattr(layer, "activation", None), "__name__", None)
    return None if name == "linear" else name


def linear_part(layer: keras.layers.Layer, x: tf.Tensor) -> tf.Tensor:
    """What a dense layer or convolution gives before its activation.

    Raises:
      ValueError: another layer that has an activation inside.
    """
    if isinstance(layer, keras.layers.Dense):
        found = keras.ops.matmul(x, layer.kernel)
    elif hasattr(layer, "convolution_op"):
        found = layer.convolution_op(x, layer.kernel)
    else:
        raise ValueError(f"got layer {layer.name!r}, a {type(layer).__name__} with the activation "
                         f"{activation_of(layer)!r} inside; expected it as a layer of its own")
    return found if layer.bias is None else found + layer.bias
