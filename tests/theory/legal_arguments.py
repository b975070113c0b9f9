"""Small legal arguments of every public function of the oracle, for the tests that replace them one by one."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

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
    convex,
    cost,
    deconvolution,
    deep_fluctuation,
    deep_kernels,
    depth,
    double_descent,
    euler_law,
    exponential_rate,
    finite_sums,
    fokker_planck,
    gibbs,
    initial_law,
    kernel_flow,
    kernel_fluctuation,
    label_noise,
    large_steps,
    lazy_bound,
    learning_curve,
    linear_bound,
    linear_langevin,
    margin,
    memorisation,
    neurons,
    noise_stability,
    normalised_descent,
    order_fluctuations,
    order_parameters,
    prediction,
    radial_pde,
    references,
    regression,
    saddle_escape,
    scaling,
    sparse_optimum,
    sparse_rates,
    splines,
    stiffness,
    temperature,
)

X = np.array([[0.6, 0.8], [1.0, 0.25], [-0.5, 1.0]])
"""Three inputs in the plane, no two on a line through the origin."""
Y = np.array([1.0, -0.5, 0.75])
SIGNS = np.array([1.0, -1.0, 1.0])
KERNEL = np.array([[2.0, 0.5, 0.25], [0.5, 1.5, 0.5], [0.25, 0.5, 1.0]])
CROSS = np.array([[0.5, 0.25, 0.125], [0.25, 0.5, 0.75]])
THETA = np.array([[1.0, 0.5, -0.25], [-0.75, 0.25, 1.0]])
"""Two neurons (a, w) of two inputs."""
LAW = np.array([0.5, 0.25, 0.25])
INCREASING = np.array([0.0, 1.0, 2.5])

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
    _descent(add)
    _measures(add)
    _networks(add)
    _langevin(add)
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
    add(deep_kernels.deep_kernels, x1=X, x2=X[:2], depths=(1, 2), activation="relu", weight_scale=1.25, bias_scale=0.5)
    add(deep_kernels.moments, first=np.ones((2, 1)), second=np.ones((1, 2)), covariance=np.full((2, 2), 0.5))
    add(deep_kernels.cosine_deficits, angle=1.5, depth=3)
    add(deep_kernels.deficit_bounds, angle=1.5, depth=3)
    add(initial_law.output_covariance, x=X, m=5, scale=1.5, activation="relu")
    add(initial_law.output_kurtosis, m=5, fourth_moment=1.5)
    add(kernel_flow.train, kernel=KERNEL, y=Y, times=INCREASING, f0=Y / 2)
    add(kernel_flow.test, kernel=KERNEL, kernel_test=CROSS, y=Y, times=INCREASING, f0=Y / 2, f0_test=Y[:2])
    add(kernel_flow.train_discrete, kernel=KERNEL, y=Y, step=0.5, steps=np.array([0, 3]), f0=Y / 2)
    add(kernel_flow.test_discrete, kernel=KERNEL, kernel_test=CROSS, y=Y, step=0.5, steps=np.array([0, 3]), f0=Y / 2,
        f0_test=Y[:2])  # fmt: skip
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
    for function in (chaos.predict, chaos.response, chaos.fluctuation, chaos.resampling_error):
        add(function, path=path, z=np.array([[0.25]]), k=1)
    add(chaos.response(path, [[0.25]], 1).at, "chaos.Response.at", theta=np.array([[1.0, 0.5, 0.25]]))
    for function in (conic.sphere_flow, conic.balanced_flow):
        growth = {"growth": 2.0} if function is conic.sphere_flow else {}
        add(function, position=THETA, x=X, y=Y, times=np.array([0.0, 0.5]), smoothing=0.5, strength=0.25, scale=1.5,
            rtol=1e-6, step=0.25, **growth)  # fmt: skip
    add(label_noise.features, position=THETA, x=X[:1])
    add(label_noise.curvatures, position=THETA, x=X[:1])
    add(label_noise.slow_flow, position=THETA, x=X[:1], doses=np.array([0.0, 0.5]))
    add(large_steps.growth, step=np.array(0.5), curvature=np.array([1.0, 4.0]))
    add(large_steps.catapult_step, output=0.5, curvature=2.0, step=0.5, scale=1.5, linear=False)
    add(large_steps.catapult, output=0.25, curvature=3.0, step=0.5, scale=1.5, steps=3)
    add(large_steps.catapult_rounding, output=0.25, curvature=3.0, after=2.5, step=0.5, scale=1.5, particles=8)
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
    add(birthday.disjoint_interval, hits=np.array([0, 2]), couples=10, level=0.75)
    add(cost.particle_exponent, kernel="pairs")
    add(cost.joint_exponent, kernel="sorted")
    add(cost.pair_operations, m=2, n=3, d=4)
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


def _descent(add: Callable) -> None:
    matrix, gradient = np.array([[4.0, 0.5], [0.5, 1.0]]), np.array([[1.0, 0.5], [0.25, 1.0]])
    add(depth.preconditioned, matrix=matrix, gradient=gradient, depth=2, exponent=1.5)
    add(depth.second_order, matrix=matrix, gradient=gradient, depth=2)
    add(depth.end_to_end, matrix=matrix, x=X, y=X / 2, step=0.0625, steps=2, depth=2, exponent=1.5)
    add(depth.monotone_step, top=2.0, power=4.0, depth=2)
    add(depth.speed_up, power=4.0, depth=2)
    add(double_descent.isotropic_risk, samples=10, parameters=4, signal=2.0, noise=0.5)
    add(double_descent.least_squares, features=X, y=Y, ridge=0.5)
    add(double_descent.descended, features=X, y=Y, step=0.5, steps=3, momentum=0.5)
    add(double_descent.tangent_parameters, particles=10, dimension=3, homogeneous=True)
    add(exponential_rate.roots, momentum=0.5, strength=0.0625)
    add(exponential_rate.largest_strength, momentum=0.5)
    add(exponential_rate.root_factors, momentum=0.5, strength=0.0625, steps=3, root="larger")
    add(exponential_rate.factors, rates=np.array([1.0, 1.0, 0.5]), decay=0.25, momentum=0.5)
    add(exponential_rate.equivalent_rates, rates=np.array([1.0, 0.5]), factors=np.array([1.0, 0.5, 0.25]))
    add(exponential_rate.initial_buffer, weights=Y, rate=0.25, root=0.5)
    add(exponential_rate.lasts, momentum=0.5, strength=0.25)
    problem = finite_sums.LeastSquares(X, Y, 0.25)
    add(finite_sums.LeastSquares, features=X, targets=Y, ridge=0.25)
    add(problem.excess, "finite_sums.LeastSquares.excess", b=Y[:2])
    add(problem.distance, "finite_sums.LeastSquares.distance", b=Y[:2])
    rate = finite_sums.sag(problem, Y[:2])
    add(rate.bound, "finite_sums.Rate.bound", steps=np.array([0, 3]))
    add(finite_sums.saga, problem=problem, b=Y[:2], adapted=True)
    add(finite_sums.sag, problem=problem, b=Y[:2])
    add(finite_sums.svrg, problem=problem, b=Y[:2], epoch=2.5)
    add(finite_sums.fitted, problem=finite_sums.LeastSquares(X, X @ [1.0, 2.0], 0.0), b=Y[:2])
    add(finite_sums.decaying_offset, problem=problem)
    add(finite_sums.decaying_bound, problem=problem, b=Y[:2], steps=np.array([0, 3]))
    add(finite_sums.decaying_limit, problem=problem, c=1.5)
    moments = temperature.moments(problem, Y[:2], 0.25, 2, [1])
    add(temperature.variance_factor, n=5, batch=2, replacement=False)
    add(temperature.moments, problem=problem, b=Y[:2], step=0.25, batch=2, stops=np.array([0, 3]), replacement=False)
    add(temperature.then, problem=problem, before=moments, step=0.25, batch=2, stops=np.array([0, 3]))
    add(temperature.varying, problem=problem, b=Y[:2], steps=np.array([0.25, 0.5]), stops=np.array([0, 2]))
    add(temperature.stationary, problem=problem, step=0.25, batch=2, replacement=False)
    add(temperature.contraction, problem=problem, step=0.25, batch=2)
    add(temperature.excess, problem=problem, second=moments.second)
    add(temperature.first_order, problem=problem, step=0.25, batch=2)


def _measures(add: Callable) -> None:
    y = np.array([1.0, 2**0.5, 0.0])
    problem = deconvolution.Problem(y, 1, 1, 0.125)
    spikes = {"weights": np.array([0.75]), "positions": np.array([[0.0625]])}
    optimum = sparse_optimum.solve(problem, [0.5], [[0.1]], side=64)
    add(deconvolution.dirichlet_kernel, t=np.array([[0.0], [0.125]]), order=2)
    add(deconvolution.waves, order=2, dimension=1)
    add(deconvolution.features, positions=np.array([[0.0], [0.125]]), order=2, derivatives=2)
    add(deconvolution.Problem, y=y, order=1, dimension=1, strength=0.125)
    for method in (problem.residual, problem.objective, problem.derivatives):
        add(method, f"deconvolution.{method.__qualname__}", **spikes)
    add(problem.certificate, "deconvolution.Problem.certificate", residual=-y, points=np.array([[0.25]]))
    add(problem.on_grid, "deconvolution.Problem.on_grid", residual=-y, side=8)
    add(problem.highest, "deconvolution.Problem.highest", residual=-y, side=8)
    add(problem.gap, "deconvolution.Problem.gap", **spikes, side=8, feasible=True)
    add(problem.floor, "deconvolution.Problem.floor", **spikes, side=8)
    add(sparse_optimum.solve, problem=problem, **spikes, side=64)
    add(sparse_rates.collective, optimum=optimum, growth=0.125, transport=0.0625)
    add(sparse_rates.curvatures, optimum=optimum)
    add(sparse_rates.far_minima, optimum=optimum, side=64)
    add(sparse_rates.slowest, optimum=optimum, growth=0.125, transport=0.0625, side=64)
    add(convex.planar_minimum, x=X, y=Y, strength=0.125, bias=False, signed=True)
    add(convex.arrangement_minimum, x=X, y=Y, strength=0.125, signed=True)
    add(convex.enumerable, n=20, d=4)
    add(convex.feature_minimum, features=X, y=Y, strength=0.125, norm="l1", cost=np.array([1.0, 0.5]))
    add(convex.network, measure=np.array([[0.5, 0.6, 0.8], [-2.0, 1.0, 0.0]]))
    add(margin.variation_margin, x=X, y=SIGNS, gap=1e-6)
    add(margin.kernel_margin, kernel=KERNEL, y=SIGNS)
    line, values = np.array([0.0, 1.0, 2.5]), np.array([0.5, -1.0, 1.5])
    add(splines.breakpoint_kernel, x=line, z=line[:2], reach=3.0, sides="both")
    add(splines.tangent_kernel, x=line, z=line[:2], reach=3.0, output=1.5)
    add(splines.interpolant, kernel=KERNEL, kernel_test=CROSS, y=Y)
    for function in (splines.natural_spline, splines.finite_reach_correction, splines.linear_variation):
        add(function, x=line, y=values)
    add(splines.one_sided_spline, x=line, y=values, reach=3.0)
    add(splines.cubic_variation, spline=splines.natural_spline(line, values))
    add(splines.variation_minimum, x=line, y=values, strength=0.125)


def _networks(add: Callable) -> None:
    add(lazy_bound.lazy_gap_bound, output_weights=THETA[:, 0], input_weights=THETA[:, 1:], x=X, y=Y, alpha=2.5, k=1.5,
        activation="tanh", centred=False)  # fmt: skip
    bound = lazy_bound.lazy_gap_bound(THETA[:, 0], THETA[:, 1:], X, Y, 2.5, 1.5)
    add(bound.prediction, "lazy_bound.LazyBound.prediction")
    add(bound.movement, "lazy_bound.LazyBound.movement")
    network = neurons.Network(THETA, "tanh")
    add(neurons.Network, position=THETA, activation="tanh", outputs=1, bias=False)
    add(network.predict, "neurons.Network.predict", x=X)
    add(network.tangent_kernel, "neurons.Network.tangent_kernel", x=X)
    add(network.gradients, "neurons.Network.gradients", x=X, residual=Y[:, None])
    add(stiffness.residual, loss="square", f=X, y=X / 2)
    add(stiffness.cosines, kernel=network.tangent_kernel(X), residuals=Y[:, None], signed=True)
    add(stiffness.rounding, network=network, x=X, y=Y[:, None], loss="square", scale=1.5)
    theta = np.stack([THETA, THETA / 2, THETA / 4])
    path = normalised_descent.Path(theta, 0 * theta, np.ones((2, 1, 2)), np.ones((2, 1)), np.full(2, 0.125), 0.5, 0.25)
    add(normalised_descent.outputs, theta=THETA, x=X, activation="tanh")
    add(normalised_descent.gradient, theta=THETA, x=X, y=Y, activation="tanh")
    add(normalised_descent.rounding_bound, path=path, factors=np.array([1.0, 0.75, 0.5]), roundoff=2.0**-53,
        activation="tanh")  # fmt: skip
    add(normalised_descent.prediction_bound, theta=theta, bound=np.array([0.125, 0.25, 0.5]), x=X, roundoff=2.0**-53)
    committee = order_parameters.Committee(1, np.array([[1.0]]), 0.5)
    state = committee.pack([[0.5]], [[0.25]])
    covariance = np.array([[1.0, 0.5, 0.25, 0.0], [0.5, 1.0, 0.25, 0.0], [0.25, 0.25, 1.0, 0.5], [0.0, 0.0, 0.5, 1.0]])
    add(order_parameters.two_fields, c=covariance[:2, :2])
    add(order_parameters.three_fields, c=covariance[:3, :3])
    add(order_parameters.four_fields, c=covariance)
    add(order_parameters.Committee, students=1, teacher=np.array([[1.0]]), rate=0.5, quadratic=True)
    add(committee.pack, "order_parameters.Committee.pack", q=np.array([[0.5]]), r=np.array([[0.25]]))
    for method in (committee.unpack, committee.covariance, committee.error, committee.drift):
        add(method, f"order_parameters.{method.__qualname__}", state=state)
    add(committee.integrate, "order_parameters.Committee.integrate", start=state, times=np.array([0.0, 0.5]))
    plateau = order_parameters.Committee(2, np.eye(2), rate=1e-3).plateau
    add(plateau, "order_parameters.Committee.plateau")
    expansion = order_fluctuations.expand(committee, state, [0.0, 0.125], nodes=4)
    add(order_fluctuations.expand, committee=committee, start=state, times=np.array([0.0, 0.125]), nodes=3)
    for method in (expansion.mean, expansion.deviation):
        add(method, f"order_fluctuations.{method.__qualname__}", function=committee.error, d=100.0)


def _langevin(add: Callable) -> None:
    problem = gibbs.line([-1.0, 1.0], [0.5, -0.5], 0.25, count=40)
    density = gibbs.normal(problem, 0.5, 1.0)
    add(gibbs.line, x=np.array([-1.0, 1.0]), y=np.array([0.5, -0.5]), strength=0.25, unit=np.sin, slope=np.cos,
        shift=0.25, reach=5.0, count=40)  # fmt: skip
    add(gibbs.normal, problem=problem, mean=0.5, deviation=1.5)
    add(gibbs.predictions, problem=problem, density=density)
    add(gibbs.potential, problem=problem, f=np.array([0.25, 0.5]))
    add(gibbs.gibbs, problem=problem, f=np.array([0.25, 0.5]), temperature=0.25)
    add(gibbs.free_energy, problem=problem, density=density, temperature=0.25)
    add(gibbs.equilibrium, problem=problem, temperature=0.25)
    add(gibbs.oscillation, problem=problem, f=np.array([0.25, 0.5]))
    add(gibbs.log_sobolev, oscillation=0.25, strength=0.5, temperature=0.75)
    add(fokker_planck.solve, problem=problem, density=density, temperature=0.25, times=np.array([0.125, 0.25]),
        most=0.0625)  # fmt: skip
    add(fokker_planck.decay_rate, problem=problem, temperature=0.25, step=0.125)
    for function in (euler_law.euler_law, euler_law.finite_law):
        add(function, problem=problem, density=density, step=0.25, temperatures=np.full(3, 0.75),
            stops=np.array([0, 2]))  # fmt: skip
    cloud = {"x": X, "y": Y, "strength": 0.5, "temperature": 0.25}
    start = {"mean": np.array([0.5, -1.0]), "deviation": 1.5}
    add(linear_langevin.discrete, **cloud, step=0.25, stops=np.array([0, 3]), **start)
    add(linear_langevin.continuous, **cloud, times=np.array([0.0, 1.5]), **start)
    problem = radial_pde.RadialProblem(40, 0.75, radii=10, norms=10)
    add(radial_pde.RadialProblem, dimension=40, separation=0.75, length=0.5, radii=10, norms=10, rule="gauss")
    add(problem.average, "radial_pde.RadialProblem.average", z=np.array([0.0, 1.5]))
    add(problem.slope, "radial_pde.RadialProblem.slope", z=np.array([0.0, 1.5]))
    add(problem.predictor, "radial_pde.RadialProblem.predictor", radii=problem.start[0], z=np.array([0.5, 1.5]))
    add(problem.risk, "radial_pde.RadialProblem.risk", radii=problem.start[0])
    add(problem.integrate, "radial_pde.RadialProblem.integrate", times=np.array([0.0, 0.25]), step=0.125, method="rk4")
    add(problem.variance, "radial_pde.RadialProblem.variance")
