"""The plan: which kernel for which unit, shape, device and memory; and what it says about it."""

import sys

import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.integrals import pallas
from meanfield.integrals.plan import choose

pytestmark = pytest.mark.fast

SIZE = jnp.result_type(float).itemsize


def objective(n, d=3, unit=None, kernel=None):
    return mf.Objective(unit or mf.Neuron("relu"), mf.Square(), np.ones((n, d)), np.ones(n), kernel=kernel)


@pytest.mark.usefixtures("uncompiled")
def test_small_is_dense_and_large_is_blocked():
    small, large = mf.plan(objective(100), 1000), mf.plan(objective(1000), 10**6)
    assert small.kernel.label() == "dense"
    assert small.bytes == 1000 * 100 * SIZE
    assert isinstance(large.kernel, mf.integrals.Blocked)
    assert large.bytes == large.kernel.particles * 1000 * SIZE <= 1 << 23
    # 4mnd and 6mnd of the documentation, d counting inputs and outputs
    assert small.operations == 4 * 1000 * 100 * 4
    assert large.operations == 6 * 10**6 * 1000 * 4


def test_large_is_compiled_on_processors_until_products_take_the_time():
    pytest.importorskip("llvmlite", reason="llvmlite is not installed: no kernel is compiled")
    for d, kernel in ((3, "compiled"), (50, "compiled"), (100, "blocked")):
        plan = mf.plan(objective(1000, d), 10**5)
        assert plan.kernel.label().split()[0] == kernel
    plan = mf.plan(objective(1000, 3), 10**6)
    assert plan.operations == 6 * 10**6 * 1000 * 4
    assert plan.bytes < 10**6
    several = choose(mf.Neuron("gelu", outputs=3), 10**6, 1000, 3, np.float32, "cpu")
    assert isinstance(several.kernel, mf.integrals.Compiled)


@pytest.mark.parametrize(("d", "bias"), [(2, False), (1, True), (1, False)])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_two_dimensions_are_sorted(d, bias, activation):
    plan = mf.plan(objective(1000, d, mf.Neuron(activation, bias=bias)), 10**6)
    assert plan.kernel.label() == "sorted"
    # Quasi-linear: nowhere near m·n.
    assert plan.operations < 10**9 / 10
    assert plan.bytes < 10**9 * SIZE / 10


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("unit", [mf.Neuron("tanh"), mf.Neuron("squared_relu"), mf.Neuron("relu", bias=True)])
def test_others_in_the_plane_are_not(unit):
    assert isinstance(mf.plan(objective(1000, 2, unit), 10**6).kernel, mf.integrals.Blocked)
    with pytest.raises(ValueError, match=r"kernel=Sorted\(\): .*use Blocked"):
        objective(10, 2, unit, mf.integrals.Sorted()).predict(mf.Particles(np.ones((3, unit.size(2)))))


@pytest.mark.usefixtures("uncompiled")
def test_signs_are_kept_for_large_inputs_within_the_memory_given():
    target = objective(1000, 100)
    assert mf.plan(target, 10**5).kernel.keep_signs
    assert mf.plan(target, 10**5).operations == 4 * 10**8 * 101
    assert not mf.plan(target, 10**5, memory=10**7).kernel.keep_signs
    assert mf.plan(target, 10**5, memory=10**7).bytes <= 10**7


@pytest.mark.usefixtures("uncompiled")
def test_one_huge_row():
    """n alone may exceed the cache: then samples are cut too, and a particle goes at a time at worst, never none."""
    kernel = mf.plan(objective(10**6), 50).kernel
    assert kernel.samples < 10**6
    assert mf.plan(objective(10**6), 50, memory=1).kernel.particles == 1


@pytest.mark.usefixtures("uncompiled")
def test_tiles_divide_where_they_can():
    """Sizes that divide m and n: nothing is padded, nothing copied."""
    kernel = mf.plan(objective(10_000, 20), 10**6).kernel
    assert 10**6 % kernel.particles == 0
    assert 10_000 % kernel.samples == 0


def test_the_plan_speaks_in_one_line():
    for m, n, d in ((1000, 100, 3), (10**6, 1000, 3), (10**6, 1000, 2), (10**5, 1000, 100)):
        said = str(mf.plan(objective(n, d), m))
        assert "\n" not in said
        assert "limited by " in said
    assert str(mf.plan(objective(100), 100)).startswith(f"dense: {10 * SIZE} kB, ")


def test_gpu_without_a_fused_kernel_says_why(monkeypatch):
    unit = mf.Neuron("erf", bias=True)
    plan = choose(unit, 10**6, 1000, 30, np.float32, "gpu")
    assert isinstance(plan.kernel, mf.integrals.Blocked)
    assert "no fused kernel: JAX cannot lower it" in plan.reason
    # Whether it can be lowered is for the tests of the kernel.
    monkeypatch.setattr(pallas, "unavailable", lambda *_: None)
    assert isinstance(choose(mf.Neuron("tanh"), 10**6, 1000, 30, np.float32, "gpu").kernel, mf.integrals.Pallas)


@pytest.mark.parametrize("argument", ["m", "memory"])
def test_bad_numbers(argument):
    with pytest.raises(ValueError, match=f"{argument}=0: expected a whole number of at least 1"):
        mf.plan(objective(5), **{"m": 3, argument: 0})


def test_the_user_may_force_a_kernel():
    forced = objective(1000, 2, kernel=mf.integrals.Blocked(10))
    mu = mf.Particles(np.ones((100, 3)))
    assert forced.bind(mu).kernel.label() == "blocked (10 particles × all samples)"


def test_every_other_kernel_says_why_it_is_not_taken():
    plan = mf.plan(objective(1000, 2), 10**6)
    others = dict(plan.others)
    assert set(others) == {"dense", "pallas", "compiled", "interpolated", "signs", "blocked"}
    assert others["dense"] == "the 1000000 × 1000 array would take 4 GB, more than a tile of one processor" or SIZE == 8
    assert "no NVIDIA GPU" in others["pallas"] or sys.platform != "linux"
    assert float(others["blocked"].split()[0]) > plan.cost
    assert "below 48" in others["signs"]


@pytest.mark.parametrize(
    ("offered", "taken"), [({"operations": 1}, True), ({"operations": 10**12}, False), ("it is too hot", False)]
)
@pytest.mark.parametrize(("n", "d"), [(10, 3), (1000, 2), (1000, 30)])
def test_a_new_kernel_is_a_function_that_makes_an_offer(monkeypatch, offered, taken, n, d):
    """The cheapest serves, whoever offers it; one that can't serve, or costs more, is told beside it."""
    from meanfield.integrals import plan as planning

    def offer(task):
        assert (task.m, task.n, task.d) == (10**5, n, d)
        if isinstance(offered, str):
            return offered
        return mf.integrals.Plan(mf.integrals.Blocked(7), 1, traffic=1, reason="new", **offered)

    monkeypatch.setitem(planning.OFFERS, "new", offer)
    plan = mf.plan(objective(n, d), 10**5)
    assert (plan.reason == "new") == taken
    assert ("new" in dict(plan.others)) != taken
    assert taken or dict(plan.others)["new"] in ("it is too hot", "1e+12 operations")
