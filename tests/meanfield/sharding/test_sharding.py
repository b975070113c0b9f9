"""One simulation on several devices: the same numbers, one sum of predictions sent, several processes in step."""

import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType

import meanfield as mf
from meanfield.arguments import host
from meanfield.devices.sharding import AXIS, mesh_of
from meanfield.integrals import Blocked, Dense
from meanfield.integrals.sharded import Sharded

HERE = Path(__file__).parent
TIMEOUT = 240  # seconds: processes that wait for each other for ever fail, and are ended


def started(script: str, devices: int, *arguments: str) -> subprocess.Popen:
    settings = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}
    environment = {name: value for name, value in os.environ.items() if name != "JAX_ENABLE_X64"} | settings
    command = [sys.executable, str(HERE / script), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=HERE.parents[2])


def finished(processes: list[subprocess.Popen]) -> list:
    """What they print; raises if one of them fails or takes too long, and leaves none behind."""
    try:
        said = [process.communicate(timeout=TIMEOUT) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (_, complaint) in zip(processes, said, strict=True):
        assert process.returncode == 0, complaint[-3000:]
    return [json.loads(out.splitlines()[-1]) for out, _ in said]


@pytest.fixture(scope="module")
def eight(request):
    """What eight devices print, of the cases that have their turn."""
    items = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    ours = [item for item in items if "case" in item.callspec.params and item.get_closest_marker("skip") is None]
    return finished([started("eight_devices.py", 8, *(item.callspec.params["case"] for item in ours))])[0]


def pair(script: str, *arguments: str) -> list[subprocess.Popen]:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    return [started(script, 2, str(port), str(process), *arguments) for process in range(2)]


@pytest.fixture(scope="module")
def two():
    return finished(pair("two_processes.py"))


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """What two processes print that go on from the checkpoints of two that were killed."""
    folder = str(tmp_path_factory.mktemp("checkpoints"))
    killed = pair("two_processes_killed.py", folder, "kill")
    try:
        codes = [process.wait(TIMEOUT) for process in killed]
    finally:
        said = [(process.kill(), process.communicate()[1])[1] for process in killed]
    assert codes == [-signal.SIGKILL] * 2, said[0][-3000:]
    return finished(pair("two_processes_killed.py", folder, "resume"))


CASES = [
    "dense",
    "dense, float64",
    "blocked, three outputs",
    "blocked, signs kept, float64",
    "sorted, two outputs",
    "a unit of one's own",
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.turns(2)
def test_eight_devices_agree_with_one(eight, case):
    """Within the rounding of sums (`shard`'s docstring); a single particle lost among 512 breaks the same bound.

    Derivatives forward in positions, and reverse in positions, masses and inputs, are sums of at most 512 terms, and as
    near relative to the largest entry, on either side.
    """
    found = eight[0][case]
    assert found["sharded"]
    assert found["rows"] == [64] * 8  # velocities stay with their particles
    assert found["f"] <= 1
    assert found["v"] <= 1
    assert found["lost f"] > 1
    assert found["lost v"] > 1
    assert max(found["derivatives"]) <= 2 * 512


def test_a_step_sends_the_predictions_and_nothing_else(eight):
    sent = eight[1]
    assert sent["step, k=1"] == ["all-reduce f32[37]{0}"]
    assert sent["step, k=3"] == ["all-reduce f32[37,3]{1,0}"]
    # A chunk of any number of steps adds whether positions and masses are finite, once.
    assert sent["chunk"][0] == "all-reduce f32[37]{0}"
    assert re.fullmatch(r"all-reduce \(?pred\[\](,| all-reduce) pred\[\]\)?", " ".join(sent["chunk"][1:]))
    # The linear model needs f(μ_0) beside its change, in the same message or in one more.
    assert " ".join(sent["tangent step"]).count("f32[37]") == 2
    assert not re.search(r"all-gather|all-to-all|permute|scatter", " ".join(sent["tangent step"]))


def test_spectral_descent_sends_its_matrices_once(eight):
    """Beside the predictions: how large velocities are, and C of both blocks, in a message each."""
    sent = eight[1]["spectral step"]
    assert sent[0] == "all-reduce f32[37]{0}"
    assert not re.search(r"all-gather|all-to-all|permute|scatter", " ".join(sent))
    assert re.findall(r"f32\[[\d,]*\]", " ".join(sent[1:])) == ["f32[]", "f32[]", "f32[6,6]", "f32[6,6]"]
    assert len(sent) <= 5


def test_spectral_descent_agrees(eight):
    """Rounding of velocities, over the least singular value of theirs that counts, grows as in other flows."""
    found = eight[2]["SpectralFlow"]
    assert found["status"] == ["done", "done"]
    assert found["stays"]
    assert found["particles"] <= 1e-9
    assert found["values"]["predictions"] <= 1e-9
    assert found["sizes"]["predictions"] > 1e-3


def test_the_same_count_sees_what_a_compiler_would_send(eight):
    """Control: the kernel not told of devices, its particles sharded all the same."""
    sent = eight[1]["control: left to the compiler"]
    assert any(text.startswith(("all-gather", "collective-permute", "all-to-all")) for text in sent)


@pytest.mark.parametrize("flow", ["GradientFlow", "TangentFlow"])
def test_whole_simulations_agree(eight, flow):
    """|Δθ| ≤ (T |Δv| + 2Ku|θ|) e^{LT}: a difference in v at every step, each step rounded, both grown by the flow."""
    runs, (span, steps) = eight[2], (2.0, 8)
    found = runs[flow]
    assert found["status"] == ["done", "done"]
    assert found["steps"] == [steps, steps]
    assert found["stays"]
    rounding = 2 * steps * np.finfo(float).eps / 2 * runs["theta"]
    bound = (span * 2 * runs["velocity bound"] + rounding) * math.exp(runs["lipschitz"] * span)
    assert bound < 1e-9  # the particles move by a tenth: the bound tells something
    assert found["particles"] <= bound
    for name, value in found["values"].items():  # their derivatives in θ are below ten here
        assert value <= 10 * bound, name
        assert found["sizes"][name] > 1e-3, name


def test_adaptive_steps_agree(eight):
    """Rounding moves the steps that are chosen, and results far less than their tolerance of 1e-6."""
    found = eight[2]["AdaptiveFlow"]
    assert found["status"] == ["done", "done"]
    assert found["steps"][0] == found["steps"][1] > 2
    assert found["stays"]
    assert found["particles"] <= 1e-8
    assert found["values"]["predictions"] <= 1e-8


def test_a_ragged_number_of_particles_is_refused(eight):
    assert eight[3]["errors"] == [
        "m=513: expected a multiple of 8, the number of devices, such as 520.",
        "m=7: expected a multiple of 8, the number of devices, such as 8.",
    ]


def test_particles_drawn_where_they_belong_are_the_same(eight):
    assert eight[3]["drawn"] <= 8 * np.finfo(np.float32).eps
    assert eight[3]["drawn rows"] == [64] * 8


def test_around_a_sharded_simulation(eight):
    found = eight[3]
    assert found["four"] == 4
    assert found["label"] == "dense on each of 8 devices"
    assert found["centred"] <= 1e-6  # f(μ_0) − f(μ_0), from eight devices and from one
    assert found["reference rows"] == 64
    assert found["elsewhere"] <= 1e-5
    assert found["variation"] <= 1e-6


def test_two_processes_give_the_numbers_of_one(two):
    for found in two:
        assert found["devices"] == 4
        assert not found["addressable"]
        for flow in ("GradientFlow", "AdaptiveFlow"):
            assert found[flow]["steps"][0] == found[flow]["steps"][1]
            # 1e-7 a step of what is of order one; AdaptiveFlow's tolerance of 1e-3 multiplies rounding, see above.
            assert found[flow]["difference"] <= (1e-4 if flow == "GradientFlow" else 1e-3)
    for flow in ("GradientFlow", "AdaptiveFlow"):
        assert two[0][flow]["risk"] == two[1][flow]["risk"]


def test_two_processes_decide_alike(two):
    """Chunks, divergence and the time limit; the first one reports."""
    for found in two:
        assert found["diverged"][0].startswith("diverged at t = ")
        assert found["diverged"][1]  # the last finite particles
        assert found["limited"] == ["stopped at t = 0: the time limit was reached", [0.0]]
    assert two[0]["diverged"] == two[1]["diverged"]
    assert two[0]["GradientFlow"]["updates"] > 2
    assert two[1]["GradientFlow"]["updates"] == 0


def test_processes_with_different_data_are_told(two):
    assert all("not the same on each process" in found["unequal data"] for found in two)


def test_a_process_may_also_run_alone(two):
    assert two[1]["alone"] == ["done", 2]


@pytest.mark.full
def test_two_killed_processes_go_on_bit_for_bit(resumed):
    for found in resumed:
        assert found["saved"] == ["checkpoint-000002", "checkpoint-000003"]
        assert found["shares"] == 16
        assert found["goes on"]
        assert found["left"] == []


def test_a_signal_to_one_process_stops_both(resumed):
    for found in resumed:
        assert re.fullmatch(r"stopped at t = 2.5, to go on from \S+/stopped: interrupted", found["stopped"])
        assert found["goes on after SIGTERM"]


def test_both_processes_refuse_what_one_of_them_would(resumed):
    for found in resumed:
        assert "of another simulation, which differs in particles;" in found["refused"]


def test_a_process_alone_is_told_that_it_cannot_save(resumed):
    for found in resumed:
        assert (
            "/alone': expected particles shared out among all 2 processes, or a job of one process." in found["alone"]
        )


def mesh_of_one():
    return jax.make_mesh((1,), (AXIS,), axis_types=(AxisType.Auto,))


def test_one_device_is_the_inner_kernel_bit_for_bit():
    unit, key = mf.Neuron("tanh", bias=True, outputs=2), jax.random.key(0)
    mu, x = mf.Particles.gaussian(key, unit, 40, 3), jax.random.normal(key, (11, 3))
    for inner in (Dense(), Blocked(16, 4)):
        results = [
            jax.jit(lambda mu, x, r, kernel=kernel: everything(kernel, unit, mu, x, r))(mu, x, jnp.ones((11, 2)))
            for kernel in (inner, Sharded(inner, mesh_of_one()).at(unit, x))
        ]
        assert all(jax.tree.leaves(jax.tree.map(jnp.array_equal, *results)))


def everything(kernel, unit, mu, x, r):
    f, kept = kernel.forward(unit, mu, x)
    return f, kernel.predict(unit, mu, x), kernel.backward(unit, mu, x, kept, r)


def test_what_is_not_sharded_is_left_alone():
    unit = mf.Neuron("relu")
    mu = mf.Particles.gaussian(jax.random.key(0), unit, 10, 2)
    assert mesh_of(mu) is None
    assert mesh_of(mf.shard(mu, jax.devices()[:1])) is None  # one device: nothing to sum over
    objective = mf.Objective(unit, mf.Square(), jnp.eye(2), jnp.ones(2)).bind(mf.shard(mu, jax.devices()[:1]))
    assert not isinstance(objective.kernel, Sharded)
    jax.jit(lambda mu: [mesh_of(mu) is None or 1 / 0, mu][1])(mu)


def test_values_that_cannot_be_read_are_unknown():
    assert host(np.arange(3)).tolist() == [0, 1, 2]
    seen = []
    jax.jit(lambda x: [seen.append(host(x)), x][1])(jnp.ones(3))
    assert seen == [None]
