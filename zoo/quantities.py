"""Numbers as people read them."""

from __future__ import annotations


def percent(share: float, digits: int = 2) -> str:
    """0..1 as "98.70"."""
    return f"{100 * share:.{digits}f}"


def duration(seconds: float) -> str:
    """4.2 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    if seconds < 3599.5:
        return _in_two(seconds, 60, 1, "min", "s")
    if seconds < 86370:
        return _in_two(seconds, 3600, 60, "h", "min")
    return _in_two(seconds, 86400, 3600, "d", "h")


def size(num_bytes: float) -> str:
    """812 bytes, 3.4 MB, 151 GB."""
    if num_bytes < 999.5:
        return f"{num_bytes:.0f} bytes"
    for unit, length in (("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if num_bytes < 999.5 * length:
            return f"{num_bytes / length:.3g} {unit}"
    return f"{num_bytes / 1e9:.0f} GB"


def as_flag(value: object) -> str:
    """A value as the command line takes it, every digit of it: what is typed again is the same."""
    if isinstance(value, (tuple, list)):
        return ",".join(map(as_flag, value))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _in_two(seconds: float, large: int, small: int, larger: str, smaller: str) -> str:
    whole, rest = divmod(round(seconds / small), large // small)
    return f"{whole} {larger}" + (f" {rest} {smaller}" if rest else "")
