"""The graph of a step: what lies between the compiled regions, where a GPU would be waited for."""

import numpy as np
import tensorflow as tf
from trainer import Trainer, build

# Handles, views and copies on the device. Arithmetic belongs into a compiled region; a number from
# the host, or for it, makes a GPU run idle (zoo/core/step.py).
BETWEEN = {
    "AddV2",  # of the sums over the steps
    "AssignVariableOp", "Cast", "ConcatV2", "Const", "Identity", "IteratorGetNext", "NoOp", "Pack",
    "PartitionedCall", "ReadVariableOp", "Reshape",
}


def test_a_step_is_three_compiled_regions_and_nothing_from_the_host():
    images, labels = np.zeros([64, 28, 28, 1], np.uint8), np.zeros([64], np.int32)
    trainer = Trainer(
        build("lenet5", dropout=0.2), images, labels, devices=1, jit_compile=True,
        augment="flip|pad_crop(2)|mixup(0.2)", schedule="cosine",
    )
    graph = trainer.call.get_concrete_function(
        trainer.iterator, tf.constant(2, tf.int64)
    ).graph.as_graph_def()
    (loop,) = [node for node in graph.node if node.op in ("While", "StatelessWhile")]
    body = loop.attr["body"].func.name
    (nodes,) = [f.node_def for f in graph.library.function if f.signature.name == body]
    assert {node.op for node in nodes} <= BETWEEN
    regions = [node for node in nodes if node.op == "PartitionedCall"]
    assert [node.attr["_XlaMustCompile"].b for node in regions] == [True] * 3
    for region in regions:
        # int32 tensors lie in the host's memory, on a GPU too.
        assert tf.int32.as_datatype_enum not in region.attr["Tin"].list.type
    casts = [node.attr["SrcT"].type for node in nodes if node.op == "Cast"]
    assert len(casts) <= 1  # of the replica's number, which is a constant
