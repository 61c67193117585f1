"""Optimizers: ten steps against the references of the field, and against formulas in float64."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.core.optimizer import OPTIMIZERS, global_norm, make_optimizer

SHAPES = {"kernel": (2, 3), "bias": (3,)}
STEPS = 10


def draw(seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        name: generator.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()
    }


WEIGHTS, GRADIENTS = draw(0), [draw(1 + step) for step in range(STEPS)]
FALLING = [0.1 * (1 - step / STEPS) for step in range(STEPS)]
CONSTANT = [0.1] * STEPS

# float64, weight decay 0.1 on the kernel alone: kernel and bias after ten steps on the numbers
# above. PyTorch 2.13: SGD (with momentum, with Nesterov at a constant rate: its rate is outside the
# momentum), Adam, AdamW, Adagrad; timm 1.0.22: Lamb (no clipping of its own), Lars (epsilon 0).
REFERENCES = {
    "sgd": (FALLING, (
        0.029739282, 0.073438094, 0.697342513, 0.446883942, -0.652400197, 0.196753331,
        1.601965161, 0.705693249, -0.649015819)),
    "momentum": (CONSTANT, (
        -0.271850463, 1.302090155, 1.385156561, 2.156757752, -1.084913389, -0.637987537,
        3.392632073, -0.932785601, -0.313888575)),
    "nesterov": (CONSTANT, (
        -0.022883597, 1.427120537, 1.747972758, 2.123643212, -0.98686169, -0.616506161,
        3.486593086, -1.277463528, -0.328529029)),
    "adam": (FALLING, (
        -0.176773406, -0.096523455, 0.470209536, 0.474226801, -0.789957198, 0.009581918,
        1.731767937, 0.582260533, -0.801795304)),
    "adamw": (FALLING, (
        -0.17520097, -0.093122187, 0.476925326, 0.464386067, -0.770240825, 0.007186722,
        1.731767937, 0.582260533, -0.801795304)),
    "adagrad": (FALLING, (
        -0.048263189, -0.093029479, 0.554245769, 0.284836273, -0.667679788, 0.171769602,
        1.551408707, 0.744054346, -0.759239221)),
    "lamb": (FALLING, (
        -0.041632552, -0.048207173, 0.573945364, 0.341439733, -0.656336795, 0.134705742,
        1.731767332, 0.582261096, -0.801794873)),
    "lars": (CONSTANT, (
        0.125688862, -0.131668615, 0.640547142, 0.105725493, -0.535944774, 0.361329964,
        3.392632073, -0.932785601, -0.313888575)),
}
KERAS = {
    "sgd": lambda rate: keras.optimizers.SGD(rate),
    "momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
    "nesterov": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
    "rmsprop": lambda rate: keras.optimizers.RMSprop(rate, rho=0.9, momentum=0.9, epsilon=1e-3),
}


def run(optimizer, rates, **options):
    weights, _ = steps(optimizer, rates, **options)
    return {name: value.numpy() for name, value in weights.items()}


def steps(optimizer, rates, jit_compile=False, weights=WEIGHTS, gradients=GRADIENTS):
    """(weights, slots) after so many steps."""
    update = tf.function(optimizer.update, jit_compile=jit_compile)
    weights = {name: tf.constant(value) for name, value in weights.items()}
    slots = {
        slot: {
            name: tf.zeros([] if slot in optimizer.scalars else value.shape)
            for name, value in weights.items()
        }
        for slot in optimizer.slots
    }
    for step, rate in enumerate(rates):
        now = {name: tf.constant(value) for name, value in gradients[step].items()}
        weights, slots = update(
            weights, slots, now, tf.constant(rate), tf.constant(step, tf.int64)
        )
    assert set(slots) == set(optimizer.slots)
    assert all(set(slot) == set(weights) for slot in slots.values())
    return weights, slots


def flat(weights) -> np.ndarray:
    return np.concatenate([weights[name].ravel() for name in SHAPES])


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("name", REFERENCES)
def test_ten_steps_of_the_reference(name, jit_compile):
    rates, want = REFERENCES[name]
    got = run(make_optimizer(name, weight_decay=0.1), rates, jit_compile=jit_compile)
    np.testing.assert_allclose(flat(got), want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", KERAS)
def test_ten_steps_of_keras_on_the_penalised_loss(name):
    """Coupled decay: Keras gets the gradient of the loss and its penalty together."""
    variables = {key: keras.Variable(value, name="v") for key, value in WEIGHTS.items()}
    theirs = KERAS[name](0.1)
    for gradients, rate in zip(GRADIENTS, FALLING, strict=True):
        theirs.learning_rate = rate
        theirs.apply([
            tf.constant(gradients[key]) + (0.1 * v.value if key == "kernel" else 0)
            for key, v in variables.items()
        ], list(variables.values()))
    got = run(make_optimizer(name, weight_decay=0.1), FALLING)
    np.testing.assert_allclose(
        flat(got), flat({key: v.numpy() for key, v in variables.items()}), rtol=1e-6, atol=1e-6
    )


def test_lars_and_lamb_have_their_papers_formulas():
    """One step in float64, by arXiv 1708.03888, algorithm 1, and 1904.00962, algorithm 2."""
    w, g = (x["kernel"].astype(np.float64) for x in (WEIGHTS, GRADIENTS[0]))
    norm = np.linalg.norm
    local = 0.02 * norm(w) / (norm(g) + 0.1 * norm(w))
    got = run(make_optimizer("lars(trust=0.02)", weight_decay=0.1), [0.5])
    np.testing.assert_allclose(got["kernel"], w - 0.5 * local * (g + 0.1 * w), rtol=1e-6)
    m, v = 0.1 * g / (1 - 0.9), 0.001 * g**2 / (1 - 0.999)
    u = m / (np.sqrt(v) + 1e-6) + 0.1 * w
    got = run(make_optimizer("lamb", weight_decay=0.1), [0.5])
    np.testing.assert_allclose(got["kernel"], w - 0.5 * norm(w) / norm(u) * u, rtol=2e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_groups_by_rank(name):
    """Without gradients only decay moves a weight: kernels, or with bias_decay all."""
    zeros = [{key: np.zeros_like(value) for key, value in WEIGHTS.items()}]
    for bias_decay in (False, True):
        optimizer = make_optimizer(name, weight_decay=0.1, bias_decay=bias_decay)
        got = run(optimizer, [0.5], gradients=zeros)
        assert np.any(got["kernel"] != WEIGHTS["kernel"])
        assert np.any(got["bias"] != WEIGHTS["bias"]) == bias_decay


@pytest.mark.parametrize("name", ["sgd", "nesterov", "adam", "rmsprop"])
def test_decoupled_decay_shrinks_weights_past_the_optimizer(name):
    zeros = [{key: np.zeros_like(value) for key, value in WEIGHTS.items()}] * 2
    got = run(
        make_optimizer(name, weight_decay=0.1, decoupled_decay=True), [0.5, 0.5], gradients=zeros
    )
    np.testing.assert_allclose(got["kernel"], WEIGHTS["kernel"] * 0.95**2, rtol=1e-6)
    np.testing.assert_array_equal(got["bias"], WEIGHTS["bias"])


def test_coupled_is_not_decoupled():
    """w=1, rate .1, decay .1, momentum .9, no gradient: coupled L2 gives .9900, .9711, .9444 by
    plain momentum, decoupled .9900, .9801, .9703."""
    one = {"kernel": np.ones((1, 1), np.float32)}
    zero = [{"kernel": np.zeros((1, 1), np.float32)}] * 3
    for decoupled, want in ((False, (0.9900, 0.9711, 0.9444)), (True, (0.9900, 0.9801, 0.9703))):
        optimizer = make_optimizer("momentum", weight_decay=0.1, decoupled_decay=decoupled)
        for steps in (1, 2, 3):
            got = run(optimizer, [0.1] * steps, weights=one, gradients=zero)
            assert float(got["kernel"][0, 0]) == pytest.approx(want[steps - 1], abs=5e-5)


def test_decay_by_path():
    """In place of the others'; a bias with 0 has no L1 penalty either, a kernel with 0 has."""
    zeros = [{key: np.zeros_like(value) for key, value in WEIGHTS.items()}]

    def moved(decays, **options):
        optimizer = make_optimizer("sgd", weight_decay=0.1, decays=decays, **options)
        got = run(optimizer, [0.5], gradients=zeros)
        return {name: (WEIGHTS[name] - got[name]) / 0.5 for name in WEIGHTS}

    for options in ({}, {"bias_decay": True}, {"decoupled_decay": True}):
        found = moved({"kernel": 0.3, "bias": 0.2}, **options)
        for name, decay in (("kernel", 0.3), ("bias", 0.2)):
            np.testing.assert_allclose(found[name], decay * WEIGHTS[name], rtol=1e-4, atol=1e-6)
    found = moved({"kernel": 0.0, "bias": 0.0}, l1_penalty=0.01, bias_decay=True)
    np.testing.assert_allclose(found["kernel"], 0.01 * np.sign(WEIGHTS["kernel"]), rtol=1e-3)
    np.testing.assert_array_equal(found["bias"], 0)


def test_l1_penalty_pulls_by_the_sign():
    zeros = [{key: np.zeros_like(value) for key, value in WEIGHTS.items()}]
    got = run(make_optimizer("sgd", l1_penalty=0.01), [0.5], gradients=zeros)
    want = WEIGHTS["kernel"] - 0.005 * np.sign(WEIGHTS["kernel"])
    np.testing.assert_allclose(got["kernel"], want, rtol=1e-6)
    np.testing.assert_array_equal(got["bias"], WEIGHTS["bias"])


def test_clipping():
    gradients = GRADIENTS[0]
    norm = np.linalg.norm(flat(gradients))
    assert float(global_norm({k: tf.constant(v) for k, v in gradients.items()})) == (
        pytest.approx(norm, rel=1e-6)
    )
    got = run(make_optimizer("sgd", clip_norm=0.5), [1.0])
    np.testing.assert_allclose(
        flat(got), flat(WEIGHTS) - flat(gradients) * 0.5 / norm, rtol=1e-5, atol=1e-6
    )
    got = run(make_optimizer("sgd", clip_norm=2 * norm), [1.0])
    np.testing.assert_allclose(flat(got), flat(WEIGHTS) - flat(gradients), atol=1e-6)
    got = run(make_optimizer("sgd", clip_value=0.3), [1.0])
    want = flat(WEIGHTS) - np.clip(flat(gradients), -0.3, 0.3)
    np.testing.assert_allclose(flat(got), want, atol=1e-6)
    zeros = [{key: np.zeros_like(value) for key, value in WEIGHTS.items()}]
    still = run(make_optimizer("sgd", clip_norm=0.5), [1.0], gradients=zeros)
    np.testing.assert_array_equal(flat(still), flat(WEIGHTS))


def test_rates_of_single_weights():
    got = run(make_optimizer("sgd", rates={"bias": 0.1}), [1.0])
    np.testing.assert_allclose(
        got["bias"], WEIGHTS["bias"] - 0.1 * GRADIENTS[0]["bias"], rtol=1e-6, atol=1e-7
    )
    np.testing.assert_allclose(
        got["kernel"], WEIGHTS["kernel"] - GRADIENTS[0]["kernel"], rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rate_zero_moves_nothing(name):
    got = run(make_optimizer(name, weight_decay=0.1), [0.0, 0.0])
    np.testing.assert_array_equal(flat(got), flat(WEIGHTS))


@pytest.mark.parametrize("spec, options, part", [
    ("sdg", {}, "got optimizer 'sdg'; expected one of ['adagrad', 'adam', "),
    ("nesterov(1)", {}, "got momentum=1; expected a number from 0 to less than 1"),
    ("nesterov(True)", {}, "got momentum=True; expected"),
    ("adam(epsilon=0)", {}, "got epsilon=0; expected a number over 0"),
    ("adam(beta_1='a')", {}, "got beta_1='a'; expected"),
    ("sgd(0.9)", {}, "optimizer sgd: too many positional arguments; expected sgd()"),
    ("lars(trust=0)", {}, "got trust=0; expected a number over 0"),
    ("adamw", {"decoupled_decay": True}, "adamw: got decoupled_decay=True; expected False"),
    ("lamb(0.9)", {"decoupled_decay": True}, "lamb(0.9): got decoupled_decay=True; expected False"),
])
def test_bad_specs(spec, options, part):
    with pytest.raises(ValueError) as error:
        make_optimizer(spec, **options)
    assert part in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("name, epsilon, moved", [
    ("adam", 1e-8, 0.5), ("adamw", 1e-8, 0.5), ("lamb", 1e-6, 0.5), ("adagrad", 1e-10, 0.5),
    ("rmsprop", 1e-3, 1e-3 / np.sqrt(0.1 * 1e-6 + 1e-3)),
])
def test_the_usual_epsilon(name, epsilon, moved):
    """Where the gradient is as small as epsilon: direction g / (g + epsilon), of RMSProp
    g / sqrt(0.1 g^2 + epsilon)."""
    weights = {"bias": np.zeros(3, np.float32)}
    got = run(make_optimizer(name), [1.0], weights=weights,
              gradients=[{"bias": np.full(3, epsilon, np.float32)}])
    np.testing.assert_allclose(got["bias"], -moved, rtol=1e-4)


@pytest.mark.parametrize("name", ["lars", "lamb"])
def test_a_kernel_of_zeros_can_leave_them(name):
    """Its norm is 0, and so would be the ratio of the norms."""
    weights = {"kernel": np.zeros((2, 3), np.float32)}
    got = run(make_optimizer(name, weight_decay=0.1), [1.0], weights=weights,
              gradients=[{"kernel": GRADIENTS[0]["kernel"]}])
    assert np.all(got["kernel"] != 0)


@pytest.mark.parametrize("name, argument", [
    (name, argument) for name, rule in OPTIMIZERS.items()
    for argument in inspect.signature(rule).parameters
])
def test_each_argument_is_checked(name, argument):
    is_bool = inspect.signature(OPTIMIZERS[name]).parameters[argument].annotation == "bool"
    for value in ("'a'", "-1", "None", "1" if is_bool else "True", "1e999"):
        with pytest.raises(ValueError, match=f"^{name}: got {argument}="):
            make_optimizer(f"{name}({argument}={value})")


@pytest.mark.parametrize("decoupled", [False, True])
def test_values_are_clipped_then_the_norm_then_come_penalties_and_rates(decoupled):
    """In NumPy: penalties are not clipped, decoupled decay has the weight's own rate."""
    optimizer = make_optimizer(
        "sgd", weight_decay=0.1, l1_penalty=0.01, clip_value=0.3, clip_norm=0.5,
        decoupled_decay=decoupled, rates={"kernel": 0.25, "bias": 2.0},
    )
    got = run(optimizer, [0.2])
    clipped = {name: np.clip(g, -0.3, 0.3) for name, g in GRADIENTS[0].items()}
    norm = np.linalg.norm(flat(clipped))
    assert norm > 0.5
    w = WEIGHTS["kernel"]
    g = clipped["kernel"] * 0.5 / norm + 0.01 * np.sign(w) + (0 if decoupled else 0.1 * w)
    want = w - 0.05 * g - (0.05 * 0.1 * w if decoupled else 0)
    np.testing.assert_allclose(got["kernel"], want, rtol=1e-6, atol=1e-7)
    want = WEIGHTS["bias"] - 0.4 * clipped["bias"] * 0.5 / norm
    np.testing.assert_allclose(got["bias"], want, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", [
    "adamw", "nadamw", "lion", "muon", "lars", "lamb", "schedule_free_adamw",
])
def test_rules_with_a_decay_of_their_own_get_it_once(name):
    """A gradient with the decay in it would be another one than the rule's."""
    rule = OPTIMIZERS[name]()
    w, g = (tf.constant(x["kernel"]) for x in (WEIGHTS, GRADIENTS[0]))
    slots = {slot: tf.zeros_like(w) for slot in rule.slots}
    want, _ = rule.move(w, g, slots, tf.constant(0.2), tf.constant(1.0), 0.1)
    got = run(make_optimizer(name, weight_decay=0.1), [0.2])
    np.testing.assert_allclose(got["kernel"], want, rtol=1e-6)
