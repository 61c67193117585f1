"""The native operations together. Importing this file compiles them: seconds, once a machine.

A process that gets a graph with them from another process has to import it too.
"""

from zoo.data.native.resample import resample
from zoo.data.native.window import jpeg_part, random_resized_window

__all__ = ["jpeg_part", "random_resized_window", "resample"]
