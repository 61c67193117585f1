"""Gradient noise scale: the batch size from which on more images make steps little better.

McCandlish et al. 2018, "An Empirical Model of Large-Batch Training" (arXiv 1812.06162), section 2.2
and appendix A.1: from the squared norms of gradients over batches of two sizes, which the replicas
and micro-batches of a step give without further passes.
"""

from __future__ import annotations

import math


def noise_estimates(
    small_square: float, big_square: float, *, small_batch: int, big_batch: int
) -> dict[str, float]:
    """Unbiased estimates, of the squared norms of the mean gradient over `small_batch` images and
    over `big_batch` of them, which are more; means over steps, since those of one step scatter.

    noise_signal: squared norm of the true gradient. noise_trace: of the covariance of one image's.
    noise_scale: their quotient, in images; missing where the estimated signal is not over 0. {}
    where a norm is not finite, as after a step of float16 that was skipped.
    """
    if not math.isfinite(small_square + big_square):
        return {}
    signal = (big_batch * big_square - small_batch * small_square) / (big_batch - small_batch)
    trace = (small_square - big_square) / (1 / small_batch - 1 / big_batch)
    found = {"noise_signal": signal, "noise_trace": trace}
    return found | ({"noise_scale": trace / signal} if signal > 0 else {})
