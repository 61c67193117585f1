"""Checks of an op's arguments."""

from __future__ import annotations


def require(good: bool, op: str, name: str, value: object, expected: str) -> None:
    """Raises ValueError, in one line, unless `good`."""
    if not good:
        raise ValueError(f"{op}: got {name}={value!r}; expected {expected}")


def require_rate(op: str, rate: float) -> None:
    require(0 < rate <= 1, op, "rate", rate, "a number in (0, 1]")


def require_spread(op: str, name: str, value: float) -> None:
    """For factors drawn from [1 - value, 1 + value]."""
    require(0 < value <= 1, op, name, value, "a number in (0, 1]")


def require_level(op: str, name: str, value: float) -> None:
    require(0 <= value <= 255, op, name, value, "a level in 0..255")


def require_colour(op: str, images) -> None:
    """Raises ValueError for images that are not RGB."""
    channels = images.shape[-1]
    require(channels == 3, op, "channels", channels, "3: it mixes red, green and blue")
