"""The table of `meanfield bench`: what stands in it, with and without PyTorch, and that its limit is one.

Times are not asserted here, where other programs run beside.
"""

import importlib.util
import io
import json
import sys

import numpy as np
import pytest

import meanfield as mf
from meanfield.command.main import main
from simulations.scale import bench, machine, pytorch, throughput
from simulations.scale.descent_steps import STEP, _multiply_adds, plain_step, problem
from tests.simulations import torch_stand_in
from theory import cost

FACTS = {
    "processor": "some processor", "cores": 2, "vector_bits": 256, "device": "cpu", "product_gflops": 100.0,
    "multiply_add_gflops": 150.0, "multiply_add_source": "loop", "copy_gbytes": 10.0, "torch": None,
    "tuning": {"tile_bytes": 8388608, "samples": 4096},
}  # fmt: skip


@pytest.fixture
def small(monkeypatch):
    """Shapes of no weight."""
    monkeypatch.setattr(throughput, "PANEL", ((1000, 500, 2), (300, 200, 10)))


@pytest.fixture
def torch(monkeypatch):
    """PyTorch's place is taken; the functions that it was told to compile."""
    compiled = []
    monkeypatch.setitem(sys.modules, "torch", torch_stand_in.module(compiled))
    return compiled


@pytest.fixture
def without_torch(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "torch" else find(name, *more))


def printed(answer):
    out = io.StringIO()
    bench.print_table(answer, out)
    return " ".join(out.getvalue().split())


def test_eight_shapes():
    assert len(set(throughput.PANEL)) == len(throughput.PANEL) == 8
    assert {(100_000, 1000, 3), (100_000, 1000, 5)} < set(throughput.PANEL) < set(throughput.GPU_PANEL)


def test_the_table(small, without_torch):
    """Rows as promised, and every number of the table is there to read."""
    answer = bench.bench()
    assert set(answer) == {"machine", "rows", "geometric_mean"}
    names = {"m", "n", "d", "unit", "kernel", "seconds", "plain_seconds", "speedup", "fraction_of_limit"}
    assert all(names <= set(row) for row in answer["rows"])
    speedups = [row["plain_seconds"] / row["seconds"] for row in answer["rows"]]
    assert answer["geometric_mean"] == pytest.approx(np.sqrt(speedups[0] * speedups[1]), rel=1e-9)
    assert set(answer["machine"]) == set(FACTS)
    assert json.loads(json.dumps(answer)) == answer
    text = printed(answer)
    assert "geometric mean of the speed-ups" in text
    assert "sorted" in text
    assert "torch is not installed" in text
    assert "PyTorch" not in text


def test_pytorch_stands_in_the_table_where_it_is_installed(small, torch):
    answer = bench.bench()
    assert len(torch) == 2
    assert answer["machine"]["torch"] == "0.stand-in"
    for row in answer["rows"]:
        assert min(row["torch_eager_seconds"], row["torch_compiled_seconds"]) > 0
    text = printed(answer)
    assert "torch 0.stand-in" in text
    assert "over PyTorch: " in text
    assert "over compiled PyTorch: " in text


def test_pytorch_takes_the_same_steps(torch):
    """Three of them, as plain JAX takes them: numbers of size 1 in float32, sums of 100 terms."""
    given = problem(200, 100, 3)
    programs = pytorch.steps(given, STEP, 3)
    assert list(programs) == ["torch_eager_seconds", "torch_compiled_seconds"]
    expected = np.asarray(plain_step(200, 100, 3, 3)())
    moved = np.abs(expected - np.asarray(given[0])).max()
    for program in programs.values():
        assert np.abs(program().value - expected).max() <= 3 * 100 * 20 * np.finfo(np.float32).eps < moved


def test_no_pytorch_no_steps(without_torch):
    assert pytorch.steps(problem(20, 10, 3), STEP, 3) == {}


@pytest.mark.parametrize(
    ("kernel", "a_pair"),
    [(mf.integrals.Blocked(5), 31), (mf.integrals.Blocked(5, keep_signs=True), 21), (mf.integrals.Dense(), 21),
     (mf.integrals.Compiled(), 31), (mf.integrals.Sorted(), 0)],
)  # fmt: skip
def test_operations_of_a_pair_follow_from_the_kernel(kernel, a_pair):
    assert _multiply_adds(7, 3, 10, kernel) == 21 * a_pair


@pytest.mark.parametrize(
    ("seconds", "multiply_adds", "particle_bytes", "fraction"),
    [(2.0, 1e9, 1e9, 0.5), (2.0, 1e9, 3e10, 1.5), (4.0, 0.0, 1e10, 0.25)],
)
def test_the_limit_is_the_longer_of_two_times(seconds, multiply_adds, particle_bytes, fraction):
    values = {
        "seconds": np.array([seconds, 9.0, seconds / 2]), "multiply_adds": np.array([multiply_adds]),
        "particle_bytes": np.array([particle_bytes]), "multiply_add_rate": np.array([1e9]),
        "bandwidth": np.array([1e10]), "label": np.array(["compiled"]),
    }  # fmt: skip
    row = bench._row(throughput.Panel(particles=10, samples=10, dimension=10), values)
    assert row["fraction_of_limit"] == pytest.approx(fraction, rel=1e-12)
    assert row["speedup"] is None


def test_rates_of_this_machine():
    """A loop of multiply-adds alone is no slower than a matrix product, which needs as many and more."""
    found = machine.rates()
    assert found["multiply_add_rate"] >= found["rate"] / 2 > 0
    assert found["bandwidth"] > 0
    assert machine.vector_bits() in (None, 128, 256, 512)
    if not machine.loop_available():
        assert found["multiply_add_rate"] == found["rate"] / 2


def test_the_loop_of_multiply_adds_counts_right(monkeypatch):
    """Ten times the rounds take ten times as long, at the same rate; by the clock, beside others, within a factor."""
    pytest.importorskip("llvmlite")
    from simulations.scale import multiply_adds

    found = []
    for rounds in (2_000_000, 20_000_000):
        monkeypatch.setattr(multiply_adds, "ROUNDS", rounds)
        found.append(multiply_adds.multiply_add_rate(15))
    assert 1 / 4 < found[0] / found[1] < 4


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({}, "some processor, 2 cores, vectors of 256 bits; torch is not installed"),
        ({"vector_bits": None}, "vectors of unknown width"),
        ({"torch": "2.9"}, "torch 2.9"),
        ({}, "multiply-adds 150 GFlop/s, in a loop of nothing else; copy 10.0 GB/s"),
        ({"multiply_add_source": "product"}, "multiply-adds 150 GFlop/s, at least, as in that product"),
    ],
)
def test_the_machine_in_words(changed, text):
    assert text in "\n".join(machine.described(FACTS | changed))


def test_without_a_loop_the_product_bounds_the_rate(monkeypatch):
    monkeypatch.setattr(machine, "loop_available", lambda: False)
    monkeypatch.setattr(machine.timing, "rates", lambda: (2e11, 1e10))
    assert machine.rates.__wrapped__() == {"rate": 2e11, "multiply_add_rate": 1e11, "bandwidth": 1e10}


def test_the_command_prints_json_of_the_same(small, without_torch, capsys):
    assert main(["bench", "--json"]) == 0
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert set(answer["machine"]) == set(FACTS)
    assert len(answer["rows"]) == 2
    assert "geometric mean" in captured.err


def test_multiply_adds_are_those_that_a_loop_counts():
    """Predict, then pull back, for a pair, one multiply-add after the other."""
    for d, k, smooth, kept in [(3, 1, False, False), (3, 1, True, False), (5, 4, False, True), (5, 4, True, False)]:
        count = d + k  # w·x, then a_c σ for every output
        count += 0 if kept else d
        if k > 1 or smooth:
            count += k  # r_c σ for every ∂_a
            count += k - 1  # Σ_c a_c r_c, of which the first is a product alone
        count += d  # ∂_w
        names = {
            "slope": "smooth" if smooth else "piecewise constant",
            "preactivations": "kept" if kept else "formed again",
        }
        assert cost.multiply_adds(7, 11, d, k, **names) == 77 * count
