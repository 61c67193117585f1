"""What TensorFlow's own ops do too slowly, as ops whose kernels Numba compiles for this processor.

    window.py     where a random window is
    resample.py   a window of an image -> uint8 of another size; weights.py: which pixels an output
                  pixel is made of; row.py: the inner loop
    op.py         from a function to an op, by TensorFlow's C API (c_api.py)

Importing window.py or resample.py compiles it, which takes seconds. A process that gets a graph
from another one has to import both: `register` does.
"""


def register() -> None:
    """Makes this process know the ops."""
    from zoo.data.native import resample, window  # noqa: F401
