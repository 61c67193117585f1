"""Checks of an op's arguments."""

from __future__ import annotations

from zoo.spec import require


def require_rate(op: str, rate: float) -> None:
    require(0 < rate <= 1, op, "rate", rate, "a number in (0, 1]")


def require_spread(op: str, name: str, value: float) -> None:
    """For factors drawn from [1 - value, 1 + value]."""
    require(0 < value <= 1, op, name, value, "a number in (0, 1]")


def require_alpha(op: str, name: str, alpha: float) -> None:
    """For Beta, Dirichlet and normal draws: beyond, float32 has no such number."""
    require(1e-30 <= alpha <= 1e30, op, name, alpha, "a number in 1e-30..1e30")


def require_pixels(op: str, pixels: int) -> None:
    good = type(pixels) is int and 1 <= pixels <= 4096
    require(good, op, "pixels", pixels, "a whole number in 1..4096")


def require_level(op: str, name: str, value: float) -> None:
    require(0 <= value <= 255, op, name, value, "a level in 0..255")


def require_colour(op: str, channels: int) -> None:
    """For ops that mix red, green and blue."""
    require(channels == 3, op, "channels", channels, "3: it mixes red, green and blue")
