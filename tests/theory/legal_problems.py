"""Legal arguments of descents, measures, networks and Langevin dynamics: part of the table of `legal_arguments`."""

from collections.abc import Callable

import numpy as np

from tests.theory.legal_data import CROSS, KERNEL, SIGNS, THETA, X, Y
from theory import (
    convex,
    deconvolution,
    depth,
    double_descent,
    euler_law,
    exponential_rate,
    finite_sums,
    fokker_planck,
    gibbs,
    lazy_bound,
    linear_langevin,
    margin,
    neurons,
    normalised_descent,
    order_fluctuations,
    order_parameters,
    radial_pde,
    soft_margin,
    sparse_optimum,
    sparse_rates,
    splines,
    stiffness,
    temperature,
    variance_reduction,
)


def descent(add: Callable) -> None:
    matrix, gradient = np.array([[4.0, 0.5], [0.5, 1.0]]), np.array([[1.0, 0.5], [0.25, 1.0]])
    add(depth.preconditioned, matrix=matrix, gradient=gradient, depth=2, exponent=1.5)
    add(depth.second_order, matrix=matrix, gradient=gradient, depth=2)
    add(depth.end_to_end, matrix=matrix, x=X, y=X / 2, step=0.0625, steps=2, depth=2, exponent=1.5)
    add(depth.monotone_step, top=2.0, power=4.0, depth=2)
    add(depth.speed_up, power=4.0, depth=2)
    add(double_descent.isotropic_risk, samples=10, parameters=4, signal=2.0, noise=0.5)
    add(double_descent.least_squares, features=X, y=Y, ridge=0.5)
    add(double_descent.descended, features=X, y=Y, step=0.5, steps=3, momentum=0.5)
    rounding = {"features": X, "tested": X, "y": Y, "step": 0.5, "steps": 3, "momentum": 0.5}
    add(double_descent.descended_rounding, **rounding, offset=1.0, unit=2.0**-23)
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
    for mean in (variance_reduction.unbiased_mean, variance_reduction.sag_mean):
        add(mean, problem=problem, b=Y[:2], step=0.25, stops=np.array([0, 3]))
    add(variance_reduction.svrg_excess, problem=problem, b=Y[:2], step=0.25, epoch=2.5, stops=np.array([0, 3]))


def measures(add: Callable) -> None:
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
    add(soft_margin.flow, kernel=KERNEL, y=SIGNS, times=np.array([0.0, 0.5]))
    add(soft_margin.descent, kernel=KERNEL, y=SIGNS, step=0.5, count=3)
    add(soft_margin.of_neurons, position=np.array([[1.0, 0.5, 0.25], [-1.0, 0.5, -0.75]]), x=X, y=SIGNS)
    line, values = np.array([0.0, 1.0, 2.5]), np.array([0.5, -1.0, 1.5])
    add(splines.breakpoint_kernel, x=line, z=line[:2], reach=3.0, sides="both")
    add(splines.tangent_kernel, x=line, z=line[:2], reach=3.0, output=1.5)
    add(splines.interpolant, kernel=KERNEL, kernel_test=CROSS, y=Y)
    for function in (splines.natural_spline, splines.finite_reach_correction, splines.linear_variation):
        add(function, x=line, y=values)
    add(splines.one_sided_spline, x=line, y=values, reach=3.0)
    add(splines.cubic_variation, spline=splines.natural_spline(line, values))
    add(splines.variation_minimum, x=line, y=values, strength=0.125)


def networks(add: Callable) -> None:
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
    add(stiffness.rounding, network=network, x=X, y=Y[:, None], loss="square")
    theta = np.stack([THETA, THETA / 2, THETA / 4])
    path = normalised_descent.Path(theta, 0 * theta, np.ones((2, 1, 2)), np.ones((2, 1)), np.full(2, 0.125), 0.5, 0.25)
    add(normalised_descent.outputs, theta=THETA, x=X, activation="tanh")
    add(normalised_descent.gradient, theta=THETA, x=X, y=Y, activation="tanh")
    add(normalised_descent.rounding_covariance, path=path, factors=np.array([1.0, 0.75, 0.5]), roundoff=2.0**-53,
        activation="tanh")  # fmt: skip
    spread = np.tile(np.eye(theta[0].size), (3, 1, 1))
    add(normalised_descent.rounding_bound, covariance=spread)
    add(normalised_descent.prediction_bound, theta=theta, covariance=spread, x=X, roundoff=2.0**-53, activation="tanh")
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


def langevin(add: Callable) -> None:
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
