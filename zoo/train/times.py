"""What the time of a run goes to, over all its starts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping

# A phase's first step, with the pipeline, tracing and compiling before it; all other steps, with
# waiting for their images.
FIRST_STEPS, STEPS = "first_steps", "steps"
EVALUATION, CHECKPOINTS, REPORT = "evaluation", "checkpoints", "report"


class Times:
    """seconds: by what they went to. images: those that STEPS was spent on."""

    def __init__(self, seconds: Mapping[str, float], images: int):
        kinds = (FIRST_STEPS, STEPS, EVALUATION, CHECKPOINTS, REPORT)
        self.seconds = {kind: seconds.get(kind, 0.0) for kind in kinds}
        self.images = images

    @property
    def images_per_second(self) -> float | None:
        """Of training between evaluations; None before a second step."""
        return self.images / self.seconds[STEPS] if self.images else None

    @contextlib.contextmanager
    def of(self, kind: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[kind] += time.perf_counter() - started

    def add_steps(self, seconds: float, images: int) -> None:
        """Of STEPS, which took `seconds`."""
        self.seconds[STEPS] += seconds
        self.images += images

    def as_record(self) -> dict:
        """What a line of metrics.jsonl has of it."""
        seconds = {kind: round(own, 3) for kind, own in self.seconds.items()}
        return {"times": seconds, "timed_images": self.images}


def times_of(records: list[dict]) -> Times:
    """As far as the newest record of metrics.jsonl tells them; those of a new run without one."""
    last = records[-1] if records else {}
    return Times(last.get("times", {}), last.get("timed_images", 0))
