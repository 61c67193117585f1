"""The bar while a run trains."""

from __future__ import annotations

import datetime
import itertools
import math
import sys
import threading
import time

from tqdm import tqdm

from zoo.printable import visible


class Progress:
    """A bar over the images of the whole run: images/s, time left, loss, accuracy, rate.

    Where standard error is no terminal: a plain line every SECONDS_BETWEEN_LINES instead.
    """

    SECONDS_BETWEEN_LINES = 60.0
    # Evaluations that come so soon after the last line of one are quick: of these a run has so
    # many lines.
    QUICK_SECONDS, QUICK_LINES = 60.0, 8

    def __init__(self, *, total_images: int, done_images: int):
        self._terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=total_images, initial=done_images, unit=" images", unit_scale=True,
            dynamic_ncols=True, mininterval=0.2, disable=not self._terminal,
        )
        self._total, self._done = total_images, done_images
        self._told = time.monotonic()
        self._evaluated = -math.inf
        self._open_line, self._compiled = False, threading.Event()
        # When the first call was done, and how many images then: it compiles, so that the rate
        # and the time left count from there.
        self._first: tuple[float, int] | None = None

    def say_compiling(self, seconds: float) -> None:
        """The next step compiles, which takes about so long: a moving sign on a terminal, and
        elsewhere the beginning of a line."""
        text = f"compiling, about {seconds:.0f} s"
        if not self._terminal:
            print(f"{text} ...", end=" ", flush=True)
            self._open_line = True
            return
        self._compiled.clear()
        threading.Thread(target=self._turn, args=(text, time.monotonic()), daemon=True).start()

    def say_compiled(self, seconds: float) -> None:
        """What the step behind `say_compiling` took, its images made and its graph compiled."""
        self._compiled.set()
        if not self._open_line:
            self.say(f"the first step took {seconds:.1f} s, with compiling")
            return
        self._open_line = False
        print(f"the first step took {seconds:.1f} s", flush=True)

    def _turn(self, text: str, since: float) -> None:
        for sign in itertools.cycle("|/-\\"):
            seconds = time.monotonic() - since
            self._bar.set_description_str(f"{text} {sign} {seconds:.0f} s")
            if self._compiled.wait(0.25):
                self._bar.set_description_str("", refresh=False)
                return

    def advance(self, images: int, epoch: int, now: dict[str, float]) -> None:
        """now: loss in nats, top_1 in 0..1 and learning_rate of the images just trained on."""
        text = (
            f"loss {now['loss']:.3f}, top-1 {100 * now['top_1']:.1f} %, "
            f"rate {now['learning_rate']:.2g}"
        )
        self._done += images
        self._bar.set_description(f"epoch {epoch}", refresh=False)
        self._bar.set_postfix_str(text, refresh=False)
        at = time.monotonic()
        if self._first is None:
            self._first = at, self._done
            bar = self._bar
            bar.n = bar.initial = bar.last_print_n = self._done
            bar.unpause()
            bar.refresh()
            return
        self._bar.update(images)
        if not self._terminal and at - self._told >= self.SECONDS_BETWEEN_LINES:
            self._told = at
            speed = (self._done - self._first[1]) / (at - self._first[0])
            left = datetime.timedelta(seconds=round((self._total - self._done) / speed))
            print(f"epoch {epoch}: {speed:.0f} images/s, {text}, {left} left", file=sys.stderr)

    def say_evaluation(self, line: str, epoch: int, epochs: int) -> None:
        """The line of an evaluation after `epoch`; of quick ones some are left out, not the last.

        All are in metrics.jsonl.
        """
        at = time.monotonic()
        quick = at - self._evaluated < self.QUICK_SECONDS
        if not quick or epoch == epochs or epoch % -(-epochs // self.QUICK_LINES) == 0:
            self._evaluated = at
            self.say(line)

    def say(self, line: str) -> None:
        """A line above the bar, on standard output."""
        if self._open_line:
            self._open_line = False
            print(flush=True)
        tqdm.write(visible(line))
        sys.stdout.flush()

    def close(self) -> None:
        self._compiled.set()
        self._bar.close()
