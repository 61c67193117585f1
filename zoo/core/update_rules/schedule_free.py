"""Schedule-free AdamW: an average of the iterates in place of a schedule that falls."""

from __future__ import annotations

from zoo.core.update_rules.adaptive import unbiased_root
from zoo.core.update_rules.rule import Rule, check_over_zero, check_share, ratio
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")


def schedule_free_adamw(
    beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8
) -> Rule:
    """Defazio et al. 2024 (arXiv 2405.15682), in the form of their package, schedulefree 1.4: for a
    constant rate behind a warmup.

    Gradients are taken at y = (1 - beta_1) z + beta_1 x, which are the weights of the run. z moves
    by AdamW's direction without its mean, z - rate (g / (sqrt(s) + epsilon) + decay y). x is the
    mean of all z, each weighted by the square of the highest rate until then, and is what is
    evaluated and left: the run keeps it as an average. "ahead" is z - y.
    """
    check_share("schedule_free_adamw", "beta_1", beta_1)
    check_over_zero("schedule_free_adamw", "beta_1", beta_1)
    check_share("schedule_free_adamw", "beta_2", beta_2)
    check_over_zero("schedule_free_adamw", "epsilon", epsilon)

    def move(w, g, slots, rate, t, decay):
        highest = tf.maximum(slots["highest"], rate)
        total = slots["total"] + tf.square(highest)
        share = tf.where(total > 0, ratio(tf.square(highest), total), 0.0)  # of z in x
        square = beta_2 * slots["square"] + (1 - beta_2) * tf.square(g)
        d = g / (unbiased_root(square, beta_2, t) + epsilon) + (decay or 0.0) * w
        ahead = slots["ahead"]
        moved = w + share * ahead - rate * (1 - beta_1 * (1 - share)) * d
        return moved, {
            "ahead": (1 - share) * (ahead - beta_1 * rate * d), "square": square,
            "highest": highest, "total": total,
        }

    return Rule(
        ("ahead", "square", "highest", "total"), move, decays=True, scalars=("highest", "total"),
        evaluated=lambda w, slots: w + (1 - 1 / beta_1) * slots["ahead"],
    )
