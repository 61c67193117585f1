"""The names of all ways to resize an image.

    bilinear, bicubic                  as PIL: the kernel widens with the shrinking (antialiasing)
    area                               mean of the pixels that an output pixel covers where both
                                       sides shrink, else bilinear_aliased; as OpenCV's INTER_AREA
    bilinear_aliased, bicubic_aliased  of the 4 or 16 nearest pixels only, as OpenCV's
                                       INTER_LINEAR: fine detail turns into noise
"""

from __future__ import annotations

METHODS = ("bilinear", "bicubic", "area", "bilinear_aliased", "bicubic_aliased")


def check_method(method: str) -> None:
    """Raises ValueError for a method that is not in `METHODS`."""
    if method not in METHODS:
        raise ValueError(f"unknown resizing, got {method!r}; expected one of {list(METHODS)}")
