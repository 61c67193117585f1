"""What TensorFlow's own operations do too slowly, as operations that Numba compiles.

    ops.py        all of them, for zoo/data/host_ops.py; importing it compiles them
    window.py     where a random window is, and what of a JPEG to decode for it
    resample.py   a window of an image -> uint8 of another size; filters.py: of which pixels an
                  output pixel is made; row.py: the inner loop
    op.py         from a function to an operation, by TensorFlow's C API (c_api.py)
"""
