"""Bad input: one table. Each case is a `ValueError` of one sentence with the argument's name and its value or shape.

Values of a wrong *type* (a string for a number of particles) are met by the annotations in these tests, and are not
in the table; everything here has the right type and a wrong value.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import meanfield as mf
from meanfield.arguments import float_type, positive_count, positive_number

pytestmark = pytest.mark.fast

KEY, UNIT, NAN = jax.random.key(0), mf.Neuron("relu"), float("nan")
X, Y, SIGNS = np.ones((3, 2)), np.ones(3), [1.0, -1.0, 1.0]
RAGGED = [[1.0, 2.0], [3.0]]
MU = mf.Particles(np.ones((4, 3)))
WIDE = mf.Particles(np.ones((4, 5)))
SQUARE = mf.Objective(UNIT, mf.Square(), X, Y)
TEN = mf.Neuron("relu", outputs=10)


class Bump(mf.AbstractUnit):
    """A unit that is not a neuron."""

    outputs: int = 1

    def size(self, d):
        return 1 + d

    def __call__(self, theta, x):
        return theta[0] * jnp.exp(-jnp.sum((x - theta[1:]) ** 2))


def objective(loss=None, x=X, y=Y, unit=UNIT, **options):
    return mf.Objective(unit, mf.Square() if loss is None else loss, x, y, **options)


def simulate(target=SQUARE, flow=None, mu=MU, times=1.0, **options):
    return mf.simulate(target, mf.GradientFlow(0.1) if flow is None else flow, mu, times=times, **options)


def single(loss, y, outputs=1):
    return lambda: objective(loss, y=y, unit=mf.Neuron("relu", outputs=outputs))


def of_bumps():
    return mf.Objective(Bump(), mf.Square(), X, Y)


def float64_without_leave():
    with jax.enable_x64(False):
        float_type("float64")


CASES = {
    # counts
    "no outputs": (lambda: mf.Neuron("relu", outputs=0), "outputs=0"),
    "negative m": (lambda: mf.Particles.gaussian(KEY, UNIT, -5, 2), "m=-5"),
    "zero m": (lambda: mf.Particles.sphere(KEY, UNIT, 0, 2), "m=0"),
    "zero d": (lambda: mf.Particles.gaussian(KEY, UNIT, 5, 0), "d=0"),
    "odd m, doubled": (lambda: mf.Particles.doubled(KEY, UNIT, 7, 2), "m=7"),
    "no m, doubled": (lambda: mf.Particles.doubled(KEY, UNIT, 0, 2), "m=0"),
    "true is no count": (lambda: positive_count("m", True), "m=True"),
    "half a count": (lambda: positive_count("m", 2.5), "m=2.5"),
    "empty block": (lambda: mf.integrals.Blocked(0), "particles=0"),
    "zero m, plan": (lambda: mf.plan(SQUARE, 0), "m=0"),
    "zero n": (lambda: mf.datasets.on_sphere(KEY, 0, 2), "n=0"),
    "zero test samples": (lambda: mf.datasets.teacher(KEY, 5, 2, n_test=0), "n_test=0"),
    "no teacher": (lambda: mf.datasets.teacher(KEY, 5, 2, neurons=0), "neurons=0"),
    "no samples of digits": (lambda: mf.datasets.digits(n=0), "n=0"),
    "too many digits": (lambda: mf.datasets.digits(n=1700, n_test=98), "n=1700 and n_test=98: digits_classes has 1797"),
    "too many tumours": (lambda: mf.datasets.breast_cancer(n=500), "n=500 and n_test=169"),
    "zero chunk": (lambda: simulate(chunk=0), "chunk=0"),
    # names, with the nearest one
    "activation": (lambda: mf.Neuron("rleu"), "activation='rleu': .* Did you mean 'relu'?"),
    "far activation": (lambda: mf.Neuron("zzz"), "activation='zzz'"),
    "output law": (lambda: mf.Particles.gaussian(KEY, UNIT, 5, 2, output="sings"), "output='sings': .*'signs'"),
    "sphere law": (lambda: mf.Particles.sphere(KEY, UNIT, 5, 2, output="gaussian"), "output='gaussian'"),
    "doubled law": (lambda: mf.Particles.doubled(KEY, UNIT, 4, 2, law="spere"), "law='spere': .*'sphere'"),
    "layers": (lambda: mf.tangent_kernel(UNIT, MU, X, layers="outputs"), "layers='outputs': .*'output'"),
    "task": (lambda: mf.datasets.digits(task="party"), "task='party': .*'parity'"),
    "precision": (lambda: mf.integrals.Dense("hightest"), "precision='hightest': .*'highest'"),
    "kernel by name": (
        lambda: mf.Objective(mf.Neuron("relu"), mf.Square(), np.eye(2), np.ones(2), kernel="dense"),
        "kernel='dense'",
    ),
    "precision of blocks": (lambda: mf.integrals.Blocked(4, precision="tf32"), "precision='tf32'"),
    # numbers
    "zero step": (lambda: mf.GradientFlow(0.0), "step=0.0"),
    "negative step": (lambda: mf.GradientFlow(-0.1), "step=-0.1"),
    "NaN step": (lambda: mf.GradientFlow(NAN), "step=nan"),
    "infinite step": (lambda: mf.GradientFlow(float("inf")), "step=inf"),
    "two steps": (lambda: mf.GradientFlow([0.1, 0.2]), r"step=\[0.1, 0.2\]"),
    "no step": (lambda: mf.GradientFlow(None), "step=None"),
    "tangent step": (lambda: mf.TangentFlow(-1.0), "flow=-1.0"),
    "interval": (lambda: mf.OptimiserFlow(optax.sgd(0.1), interval=0.0), "interval=0.0"),
    "zero rtol": (lambda: mf.AdaptiveFlow(rtol=0.0), "rtol=0.0"),
    "NaN atol": (lambda: mf.AdaptiveFlow(atol=NAN), "atol=nan"),
    "rtol below float32": (
        lambda: simulate(flow=mf.AdaptiveFlow(rtol=1e-9), mu=mf.Particles(np.ones((4, 3), np.float32))),
        "rtol=1e-09: float32",
    ),
    "negative decay": (lambda: mf.WeightDecay(-1.0), "strength=-1.0"),
    "NaN decay": (lambda: mf.WeightDecay(NAN), "strength=nan"),
    "zero scale": (lambda: objective(scale=0.0), "scale=0.0"),
    "infinite scale": (lambda: objective(scale=float("inf")), "scale=inf"),
    "vector scale": (lambda: objective(scale=np.ones(2)), "scale="),
    "zero radius": (lambda: mf.Particles.sphere(KEY, UNIT, 5, 2, radius=0.0), "radius=0.0"),
    "negative output scale": (lambda: mf.Particles.gaussian(KEY, UNIT, 5, 2, output_scale=-1.0), "output_scale=-1.0"),
    "NaN input scale": (lambda: mf.Particles.gaussian(KEY, UNIT, 5, 2, input_scale=NAN), "input_scale=nan"),
    "negative noise": (lambda: mf.datasets.teacher(KEY, 5, 2, noise=-0.1), "noise=-0.1"),
    "time limit": (lambda: simulate(time_limit=NAN), "time_limit=nan"),
    "text for a number": (lambda: positive_number("step", "fast"), "step='fast'"),
    # arrays
    "flat particles": (lambda: mf.Particles(np.ones(3)), r"position has shape \(3,\)"),
    "no particles": (lambda: mf.Particles(np.ones((0, 3))), r"position has shape \(0, 3\)"),
    "ragged particles": (lambda: mf.Particles(RAGGED), "position is ragged"),
    "NaN particles": (lambda: mf.Particles([[1.0, NAN]]), "position holds 1 non-finite value"),
    "complex particles": (lambda: mf.Particles([[1j]]), "position has type complex128"),
    "text particles": (lambda: mf.Particles([["a"]]), "position holds text such as 'a'"),
    "masses for others": (lambda: mf.Particles(np.ones((2, 3)), np.ones(3)), r"mass has shape \(3,\)"),
    "negative mass": (lambda: mf.Particles(np.ones((2, 3)), [1.0, -0.5]), "mass holds -0.5"),
    "NaN mass": (lambda: mf.Particles(np.ones((2, 3)), [1.0, NAN]), "mass holds 1 non-finite"),
    "no axes": (lambda: mf.Particles.grid(UNIT, []), r"axes=\[\]"),
    "NaN axis": (lambda: mf.Particles.grid(UNIT, [[0.0, NAN]]), r"axes\[0\] holds 1 non-finite"),
    "empty axis": (lambda: mf.Particles.grid(UNIT, [[0.0], []]), r"axes\[1\] has shape \(0,\)"),
    "flat x": (lambda: objective(x=Y), r"x has shape \(3,\)"),
    "empty x": (lambda: objective(x=np.ones((0, 2)), y=np.ones(0)), r"x has shape \(0, 2\)"),
    "ragged x": (lambda: objective(x=RAGGED), "x is ragged"),
    "infinite x": (lambda: objective(x=X * np.inf), "x holds 6 non-finite"),
    "NaN y": (lambda: objective(y=[1.0, NAN, 0.0]), "y holds 1 non-finite"),
    "ragged y": (lambda: objective(y=[1.0, [2.0]]), "y is ragged"),
    "y of other length": (lambda: objective(y=np.ones(4)), "y has 4 rows and x has 3"),
    "y in a column": (lambda: objective(y=np.ones((3, 1))), r"y has shape \(3, 1\)"),
    "y of two outputs for ten": (single(mf.Square(), np.ones((3, 2)), 10), r"y has shape \(3, 2\)"),
    "flat y for ten outputs": (single(mf.Square(), Y, 10), r"y has shape \(3,\)"),
    # labels
    "labels 0 and 1": (single(mf.Logistic(), [0, 1, 1]), "y holds the label 0"),
    "labels 0 and 1, exponential": (single(mf.Exponential(), [1, 1, 0]), "y holds the label 0"),
    "NaN label": (single(mf.Logistic(), [1.0, NAN, -1.0]), "y holds the label nan"),
    "real label": (single(mf.Logistic(), [1.0, 0.5, -1.0]), "y holds the label 0.5"),
    "class 10 of 10": (single(mf.Logistic(), [0, 10, 9], 10), "y holds the class 10"),
    "class -1": (single(mf.Exponential(), [0, -1, 9], 10), "y holds the class -1"),
    "half a class": (single(mf.Logistic(), [0, 0.5, 9], 10), "y holds the class 0.5"),
    "two ones": (single(mf.Logistic(), np.ones((3, 10)), 10), "y has rows that are not one-hot"),
    "one-hot rows of three": (single(mf.Logistic(), np.eye(3), 10), r"y has shape \(3, 3\)"),
    "ragged labels": (single(mf.Logistic(), [1.0, [1.0]]), "y is ragged"),
    # what does not fit together
    "particles of another unit": (lambda: SQUARE.value(WIDE), "position has 5 columns: expected 3"),
    "velocity of another unit": (lambda: SQUARE.velocity(WIDE), "position has 5 columns: expected 3"),
    "start of another unit": (lambda: simulate(mu=WIDE), "position has 5 columns: expected 3"),
    "probe of another unit": (lambda: SQUARE.first_variation(MU, np.ones(4)), "theta has 4 columns: expected 3"),
    "NaN probe": (lambda: SQUARE.first_variation(MU, [1.0, NAN, 1.0]), "theta holds 1 non-finite"),
    "cube of probes": (lambda: SQUARE.first_variation(MU, np.ones((2, 2, 3))), r"theta has shape \(2, 2, 3\)"),
    "new inputs of another dimension": (lambda: SQUARE.predict(MU, np.ones((2, 4))), "x has 4 columns: expected 2"),
    "NaN new inputs": (lambda: SQUARE.predict(MU, [[1.0, NAN]]), "x holds 1 non-finite"),
    "kernel, x1": (lambda: mf.tangent_kernel(UNIT, MU, np.ones((2, 4))), "x1 has 4 columns"),
    "kernel, x2": (lambda: mf.tangent_kernel(UNIT, MU, X, np.ones((2, 4))), "x2 has 4 columns"),
    "centred, no reference": (lambda: objective(centred=True).predict(MU), "centred=True has no reference"),
    "centred, no reference, value": (lambda: objective(centred=True).value(MU), "centred=True has no reference"),
    "reference of another unit": (lambda: objective(centred=WIDE), "position has 5 columns: expected 3"),
    "linearised twice": (
        lambda: simulate(mf.objectives.TangentObjective(SQUARE, MU), mf.TangentFlow(0.1)),
        "objective=TangentObjective",
    ),
    "tangent of tangent": (lambda: mf.TangentFlow(mf.TangentFlow(0.1)), "flow=TangentFlow"),
    "teacher of two outputs": (lambda: mf.datasets.teacher(KEY, 5, 2, unit=TEN), "unit=.*one output"),
    "alignment of ten outputs": (
        lambda: simulate(
            objective(unit=TEN, y=np.ones((3, 10))),
            mu=mf.Particles(np.ones((4, 12))),
            observables=[mf.observables.KernelAlignment()],
        ),
        "outputs=10",
    ),
    "signs of a bump": (
        lambda: simulate(of_bumps(), observables=[mf.observables.ChangedSigns()]),
        "unit=Bump",
    ),
    "float64 out of reach": (float64_without_leave, "dtype=float64"),
    "integer particles": (lambda: mf.Particles.gaussian(KEY, UNIT, 2, 2, dtype=jnp.int32), "dtype=int32"),
    # observables
    "flat test inputs": (lambda: mf.TestRisk(Y, Y), r"x has shape \(3,\)"),
    "ragged test targets": (lambda: mf.observables.TestError(X, RAGGED), "y is ragged"),
    "NaN test targets": (lambda: mf.TestRisk(X, [1.0, NAN, 1.0]), "y holds 1 non-finite"),
    "test targets in a column": (
        lambda: simulate(observables=[mf.TestRisk(X, np.ones((3, 1)))]),
        r"y has shape \(3, 1\): expected \(3,\)",
    ),
    "test targets of other length": (
        lambda: simulate(observables=[mf.observables.TestError(X, np.ones(2))]),
        r"y has shape \(2,\): expected \(3,\)",
    ),
    "two of a name": (lambda: simulate(observables=[mf.Risk(), mf.Risk()]), "observables names 'risk' twice"),
    "a bare function": (lambda: simulate(observables=[jnp.sum]), "observables holds"),
    # times
    "time zero": (lambda: simulate(times=0.0), "times=0.0"),
    "negative time": (lambda: simulate(times=-1.0), "times=-1.0"),
    "NaN time": (lambda: simulate(times=NAN), "times=nan"),
    "no times": (lambda: simulate(times=[]), r"times has shape \(0,\)"),
    "times of a table": (lambda: simulate(times=np.ones((2, 2))), r"times has shape \(2, 2\)"),
    "falling times": (lambda: simulate(times=[0.0, 2.0, 1.0]), r"times=\[0, 2, 1\]"),
    "repeated times": (lambda: simulate(times=[1.0, 1.0]), r"times=\[1, 1\]"),
    "negative first time": (lambda: simulate(times=[-1.0, 1.0]), r"times=\[-1, 1\]"),
    "infinite last time": (lambda: simulate(times=[0.0, np.inf]), r"times=\[0, inf\]"),
    "ragged times": (lambda: simulate(times=[0.0, [1.0]]), r"times=\[0.0, \[1.0\]\]"),
    "text for times": (lambda: simulate(times="soon"), "times='soon'"),
    "schedule that stops": (
        lambda: simulate(flow=mf.GradientFlow(optax.exponential_decay(0.5, 1, 0.1)), times=9.0),
        "step: this schedule reaches time 0.555556 and not 9",
    ),
    "negative schedule": (lambda: simulate(flow=mf.GradientFlow(lambda k: -0.1)), "step: this schedule"),
    "NaN schedule": (lambda: simulate(flow=mf.GradientFlow(lambda k: NAN * k)), "step: this schedule"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name):
    """Raised before anything runs for long, whatever the float type."""
    call, pattern = CASES[name]
    with pytest.raises(ValueError, match=pattern) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith((".", "?"))
    assert len(message) < 240
    assert message.count(". ") <= (1 if "Did you mean" in message else 0)
