"""Small legal arguments of every public function of the oracle, for the tests that replace them one by one."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tests.theory import legal_problems
from tests.theory.legal_data import CROSS, INCREASING, KERNEL, LAW, SIGNS, THETA, X, Y
from theory import (
    activations,
    alignment,
    arc_cosine,
    birth_death,
    birthday,
    chaos,
    circle,
    compute_frontier,
    conic,
    cost,
    deep_fluctuation,
    deep_kernels,
    discrepancy,
    initial_law,
    kernel_flow,
    kernel_fluctuation,
    label_noise,
    large_steps,
    learning_curve,
    linear_bound,
    memorisation,
    noise_stability,
    one_step,
    prediction,
    references,
    regression,
    saddle_escape,
    scaling,
    spectral,
    width_exponents,
)

Legal = tuple[Callable, dict[str, Any]]


@cache
def table() -> dict[str, Legal]:
    """Name of every public function and method, what is called, and its arguments, all by name."""
    entries: dict[str, Legal] = {}

    def add(function: Callable, name: str | None = None, /, **arguments: Any) -> None:
        key = name or f"{function.__module__.removeprefix('theory.')}.{function.__qualname__}"
        entries[key] = function, arguments

    _kernels(add)
    _particles(add)
    _statistics(add)
    legal_problems.descent(add)
    legal_problems.measures(add)
    legal_problems.networks(add)
    legal_problems.langevin(add)
    return entries


def _kernels(add: Callable) -> None:
    pairs = activations.Pairs(X, X)
    add(activations.quadrant, order=1, supplement=np.array([[0.5, 1.0]]))
    add(activations.two_sided, pairs=pairs, order=1, negative=0.5)
    add(arc_cosine.conjugate_kernel, x1=X, x2=X[:2], activation="relu", input_scale=1.5)
    add(arc_cosine.derivative_kernel, x1=X, x2=X[:2], activation="erf", input_scale=1.5)
    add(arc_cosine.tangent_kernel, x1=X, x2=X[:2], activation="relu", layers="both", output_scale=0.5, input_scale=1.5,
        bias=True)  # fmt: skip
    add(arc_cosine.tangent_fluctuation, x=X, activation="relu", fourth_moment=1.5, doubled=True)
    add(circle.kernel, angles=np.array([0.0, 0.5, 4.0]))
    add(circle.eigenvalues, frequencies=np.array([0, 1, 2]))
    add(circle.source_power, frequencies=np.array([2, 4]), source=1.5)
    add(compute_frontier.circle, inputs=16, source=1.5, fourth_moment=1.5)
    problem = compute_frontier.circle(16, 1.5)
    add(compute_frontier.limit_risk, problem=problem, times=INCREASING)
    add(compute_frontier.linear_term, problem=problem, kernel=np.eye(16) / 4, times=INCREASING)
    add(compute_frontier.variance, problem=problem, times=INCREASING)
    add(compute_frontier.time_exponent, source=1.5)
    add(compute_frontier.frontier_exponent, source=1.5, capacity=2.0)
    add(compute_frontier.width_exponent, source=1.5, capacity=2.0)
    add(deep_fluctuation.deep_fluctuation, x=X[:2], depths=(1, 2), activation="relu", weight_scale=1.25, bias_scale=0.5)
    add(deep_fluctuation.relu_kurtosis, depth=2, width=15)
    add(deep_fluctuation.relu_tangent_variance, depth=2, width=15)
    add(deep_kernels.deep_kernels, x1=X, x2=X[:2], depths=(1, 2), activation="relu", weight_scale=1.25, bias_scale=0.5)
    add(deep_kernels.moments, first=np.ones((2, 1)), second=np.ones((1, 2)), covariance=np.full((2, 2), 0.5))
    add(deep_kernels.depths_of, depths=(1, 2))
    add(deep_kernels.unit_of, activation="relu", largest=2.0**-500)
    add(deep_kernels.cosine_deficits, angle=1.5, depth=3)
    add(deep_kernels.deficit_bounds, angle=1.5, depth=3)
    add(initial_law.output_covariance, x=X, m=5, scale=1.5, activation="relu")
    add(initial_law.output_kurtosis, m=5, fourth_moment=1.5)
    add(kernel_flow.train, kernel=KERNEL, y=Y, times=INCREASING, f0=Y / 2)
    add(kernel_flow.test, kernel=KERNEL, kernel_test=CROSS, y=Y, times=INCREASING, f0=Y / 2, f0_test=Y[:2])
    add(kernel_flow.train_discrete, kernel=KERNEL, y=Y, step=0.5, steps=np.array([0, 3]), f0=Y / 2)
    add(kernel_flow.travelled_discrete, kernel=KERNEL, y=Y, step=0.5, steps=np.array([0, 3]), f0=Y / 2)
    add(kernel_flow.test_discrete, kernel=KERNEL, kernel_test=CROSS, y=Y, step=0.5, steps=np.array([0, 3]), f0=Y / 2,
        f0_test=Y[:2])  # fmt: skip
    add(kernel_flow.movement_discrete, kernel=KERNEL, y=Y, step=0.5, steps=np.array([0, 3]), f0=Y / 2)
    add(kernel_flow.ridge, kernel=KERNEL, kernel_test=CROSS, y=Y, strength=0.5)
    add(kernel_flow.risk, f=np.stack([Y, 2 * Y]), y=Y)
    add(kernel_fluctuation.kernel_fluctuation, x=X[:2], activation="relu", layers="both", fourth_moment=1.5,
        doubled=True)  # fmt: skip
    add(kernel_fluctuation.plane, x1=X[0], x2=X[1])
    add(alignment.centred, kernel=KERNEL)
    add(alignment.alignment, kernel=KERNEL, y=Y)
    add(alignment.effective_dimension, kernel=KERNEL)
    path = regression.ridge_path(KERNEL, CROSS, np.eye(3), [0.5, 1.0])
    add(regression.ridge_path, kernel=KERNEL, kernel_test=CROSS, y=Y, strengths=np.array([0.5, 1.0]))
    add(regression.chosen, path=path, label=np.array([0, 1, 2]))


def _particles(add: Callable) -> None:
    add(birth_death.energy, features=X, y=Y, potential=np.array([0.5, 0.25]), mass=np.array([0.25, 0.75]))
    add(birth_death.first_variation, features=X, y=Y, potential=np.array([0.5, 0.25]), mass=np.array([0.25, 0.75]))
    add(birth_death.reacted, mass=np.array([0.25, 0.75]), slopes=np.array([0.5, -1.0]), amount=0.5)
    add(birth_death.dissipation, mass=np.array([0.25, 0.75]), slopes=np.array([0.5, -1.0]), gradients=X[:2], rate=0.5)
    add(birth_death.step_energy, features=X, y=Y, potential=np.array([0.5, 0.25]), slopes=np.array([0.5, -1.0]),
        amount=0.5)  # fmt: skip
    add(birth_death.particle_limit, features=X, y=Y, potential=np.array([0.5, 0.25]), mass=np.array([0.25, 0.75]),
        rate=0.5, step=0.25, steps=3, drawn="together")  # fmt: skip
    nodes, mass = chaos.box_nodes([1.0, 0.5, 0.5], [2, 2, 2])
    line = np.array([[0.5], [-1.0]])
    path = chaos.descend(nodes, mass, line, Y[:2], step=0.25, steps=2)
    add(chaos.box_nodes, half_widths=np.array([1.0, 0.5]), counts=np.array([2, 2]))
    add(chaos.descend, position=nodes, mass=mass, x=line, y=Y[:2], step=0.25, steps=2, scale=1.5, penalty=0.5)
    for function in (chaos.predict, chaos.response, chaos.fluctuation, chaos.fluctuation_error, chaos.resampling_error):
        rtol = {"rtol": 0.25} if function is chaos.fluctuation else {}
        add(function, path=path, z=np.array([[0.25]]), k=1, **rtol)
    add(chaos.responses, several=[chaos.response(path, [[0.25]], 1)], theta=np.array([[1.0, 0.5, 0.25]]))
    add(chaos.response(path, [[0.25]], 1).at, "chaos.Response.at", theta=np.array([[1.0, 0.5, 0.25]]))
    add(conic.first_variation, position=THETA, x=X, y=Y, at=THETA, smoothing=0.5, strength=0.25, scale=1.5)
    for function in (conic.sphere_flow, conic.balanced_flow):
        growth = {"growth": 2.0} if function is conic.sphere_flow else {}
        add(function, position=THETA, x=X, y=Y, times=np.array([0.0, 0.5]), smoothing=0.5, strength=0.25, scale=1.5,
            rtol=1e-6, step=0.25, **growth)  # fmt: skip
    add(label_noise.features, position=THETA, x=X[:1])
    add(label_noise.curvatures, position=THETA, x=X[:1])
    add(label_noise.slow_flow, position=THETA, x=X[:1], doses=np.array([0.0, 0.5]))
    halves = np.array([0.25, 0.75])
    for function in (spectral.fall, spectral.steepest):
        add(function, velocity=THETA[:, :2], mass=halves, order=3.0)
    for function in (spectral.velocities, spectral.risk):
        add(function, x=X, y=Y, theta=THETA, mass=halves)
    add(spectral.descend, x=X, y=Y, theta=THETA, mass=halves, step=0.5, steps=2, order=3.0)
    add(spectral.left_of_residual, singular=np.array([1.5, 0.5]), time=1.0)
    add(width_exponents.best_step, parametrisation="mup", optimiser="muon", factor="ratio", layers="hidden")
    law = one_step.best_step(X[:, :1], Y, nodes=6)
    add(one_step.best_step, x=X[:, :1], y=Y, spread=1.25, nodes=6)
    add(law.influence, theta=THETA[:, :2])
    add(large_steps.growth, step=np.array(0.5), curvature=np.array([1.0, 4.0]))
    add(large_steps.catapult_step, output=0.5, curvature=2.0, step=0.5, scale=1.5, linear=False)
    add(large_steps.catapult, output=0.25, curvature=3.0, step=0.5, scale=1.5, steps=3)
    add(large_steps.catapult_rounding, output=0.25, curvature=3.0, step=0.5, scale=1.5, particles=8)
    add(large_steps.growth_rounding, steps=np.arange(4), size=2.125, local=2.0**-50, start=0.5)
    add(saddle_escape.origin_mode, x=X, y=Y, activation="tanh")
    add(saddle_escape.relu_rates, x=X, y=np.abs(Y))
    add(saddle_escape.step_rate, rate=1.5, step=0.25, order=4)
    add(saddle_escape.velocity, theta=THETA, x=X, y=Y, activation="tanh")
    add(saddle_escape.risk, theta=THETA, x=X, y=Y, activation="tanh")
    add(saddle_escape.exit_times, theta=0.125 * THETA[None], x=X, y=Y, step=0.25, activation="tanh", order=4,
        share=0.0625, most=60)  # fmt: skip
    add(saddle_escape.crossings, times=np.arange(5.0), values=2.0 ** np.arange(5.0)[None], goal=3.0)
    add(saddle_escape.noise_amplitude, rate=1.5, temperature=0.5, step=0.25)
    add(saddle_escape.log_chi, degrees=3)


def _statistics(add: Callable) -> None:
    add(birthday.no_collision, p=LAW, samples=2)
    add(birthday.collision_law, p=LAW, samples=3, most=2)
    add(birthday.effective_number, p=LAW)
    add(birthday.pairs, counts=np.array([[3, 1, 0], [1, 1, 2]]))
    add(birthday.poisson_interval, pairs=np.array([0.0, 3.0]), samples=10, level=0.75)
    add(birthday.poisson_coverage, p=LAW, samples=4, level=0.75)
    add(birthday.moment_interval, counts=np.array([40, 20, 20, 20]), level=0.75)
    add(birthday.disjoint_coverage, p=LAW, samples=4, level=0.75)
    add(discrepancy.squared, z=X, x=X[:2] + 0.5, width=0.75)
    add(discrepancy.velocity, z=X, x=X[:2] + 0.5, width=0.75)
    add(birthday.disjoint_interval, hits=np.array([0, 2]), couples=10, level=0.75)
    add(cost.particle_exponent, kernel="pairs")
    add(cost.joint_exponent, kernel="sorted")
    add(cost.pair_operations, m=2, n=3, d=4)
    add(cost.multiply_adds, m=2, n=3, d=4, outputs=2, slope="smooth", preactivations="kept")
    add(cost.particle_bytes, m=2, p=3, size=4)
    add(cost.attainable, operations=1e9, traffic=1e6, rate=1e11, bandwidth=1e10)
    add(learning_curve.learning_curve, eigenvalues=np.array([1.0, 0.25]), powers=np.array([1.0, 0.5]), samples=5,
        strength=0.25, noise=0.5)  # fmt: skip
    add(learning_curve.sample_exponent, capacity=2.0, source=1.5)
    add(learning_curve.best_strength, samples=10, capacity=2.0, source=1.5, first=0.5)
    add(linear_bound.harmonics, dimension=4, degree=3)
    add(linear_bound.degree_powers, profile=np.tanh, dimension=5, degrees=4, nodes=50)
    add(linear_bound.linear_bound, profile=np.tanh, dimension=5, samples=3)
    add(memorisation.label_complexity, kernel=KERNEL, y=Y)
    add(memorisation.corrupted_complexity, kernel=KERNEL, y=SIGNS, replaced=np.array([0, 2]))
    add(memorisation.corrupted_form, matrix=KERNEL, y=SIGNS, replaced=np.array([0, 2]))
    add(memorisation.log_dichotomies, n=6, d=3)
    add(memorisation.memorisation_bound, n=60, d=3, m=2)
    add(noise_stability.norm_bounds, w=X, a=Y[None], x=X, margin=0.5)
    add(noise_stability.compression_bound, largest=1.5, margin=0.5, contraction=1.25, input_cushion=0.5,
        output_cushion=0.75, interlayer_cushion=0.25, units=4, samples=20)  # fmt: skip
    add(noise_stability.noise_gain, matrix=THETA[:, 1:], signal=X)
    add(noise_stability.relu_noise, z=X, a=X[0], size=0.1)
    add(prediction.Prediction, value=0.5, relation="<=", holds="Distance.", reference="chizat2019lazy")
    add(references.keys)
    add(references.citation, key="cho2009kernel")
    add(scaling.movement_exponent)
    add(scaling.output_gap_exponent, initial="centred", smooth=True)
    add(scaling.kernel_change_exponent, scaling="tangent", smooth=True, symmetric=False)
    add(scaling.displacement_exponent, scaling="tangent")
    add(scaling.criterion_exponent, power=0.5, initial="doubled")
    add(scaling.kernel_limit_exponent)
    add(scaling.kernel_distance_exponent)
