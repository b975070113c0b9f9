"""Lazy networks that learn ten digits, and what descent with their kernel says of the cosines between gradients."""

from functools import cached_property

import jax
import numpy as np

import meanfield as mf
from simulations import Setup, Simulations, count, grid, number
from simulations.generalisation.image_pairs import ImagePairs, pairs
from simulations.study.starts import doubled, filled, independent
from theory import arc_cosine, kernel_flow, stiffness


class Lazy(Simulations):
    """Networks at α = √m from doubled units, beside what descent with their kernel says as m → ∞."""

    particles: int = count(256, "m", "particles, an even number", multiple_of=2)
    samples: int = count(64, "n", "training samples", at_most=1000)
    tested: int = count(50, "", "test images", at_least=30, at_most=797)
    steps: int = count(40, "", "steps of descent")
    # From twice that step on descent diverges.
    share: float = number(
        1.0, "", "step, of n / λ_max, the one that learns the first direction at once", above=0, below=2
    )
    precision = "float32"
    sizes = grid(
        smoke={"particles": (64, 128, 512), "seeds": 16},
        default={"particles": (128, 256, 1024), "samples": 128, "tested": 60, "steps": 60, "seeds": 24},
        large={"particles": (256, 1024, 4096), "samples": 512, "tested": 200, "steps": 1000, "seeds": 50},
    )

    @cached_property
    def data(self) -> tuple[np.ndarray, ...]:
        """Training images and targets, test images and theirs."""
        data = mf.datasets.digits(n=self.samples, n_test=797, split=self.seed)
        x, y, x_test, y_test = (np.asarray(part, float) for part in (data.x, data.y, data.x_test, data.y_test))
        return x, y, x_test[: self.tested], y_test[: self.tested]

    @cached_property
    def step(self) -> float:
        return self.share * self.samples / float(np.linalg.eigvalsh(arc_cosine.tangent_kernel(self.data[0]))[-1])

    @property
    def marks(self) -> np.ndarray:
        return np.unique(np.rint(np.append(0, np.geomspace(1, self.steps, 12)))).astype(int)

    def setups(self):
        x, y, x_test, y_test = (part.astype(np.float32) for part in self.data)
        unit, scale = mf.Neuron("relu", outputs=10), float(self.particles) ** 0.5
        problem = mf.Objective(unit, mf.Square(), x, y, scale=scale, kernel=mf.integrals.Dense())
        random = self.generator(f"start of {self.particles}")
        theta = independent(random, self.particles // 2, 64, outputs=10, output="gaussian")
        start = mf.Particles(*filled(doubled(theta, 10).astype(np.float32), 128))
        observe = {"risk": mf.Risk(), "cosines": jax.tree_util.Partial(mf.observables.stiffness, x=x_test, y=y_test)}
        return {"": Setup(problem, start, mf.GradientFlow(self.step), self.marks * self.step, observe)}

    @cached_property
    def pairs(self) -> ImagePairs:
        return pairs(self.data[2], self.data[3], self.generator("classes dealt out"))

    def measure(self, runs):
        """Return the risk [times], and means of cosines over groups of pairs."""
        return {"risk": runs[""].values["risk"], "groups": self.pairs.means(runs[""].values["cosines"])["groups"]}

    def theory(self):
        """Return the same of descent with the kernel of infinitely many units, from f = 0."""
        x, y, x_test, y_test = self.data
        kernel, cross = arc_cosine.tangent_kernel(x), arc_cosine.tangent_kernel(x_test, x)
        between = arc_cosine.tangent_kernel(x_test)
        f = kernel_flow.train_discrete(kernel, y, self.step, self.marks)
        f_test = kernel_flow.test_discrete(kernel, cross, y, self.step, self.marks)
        whole = between[:, None, :, None] * np.eye(10)[:, None, :]
        cosines = np.stack([stiffness.cosines(whole, stiffness.residual("square", at, y_test)) for at in f_test])
        return {"kernel_risk": kernel_flow.risk(f, y), "kernel_groups": self.pairs.means(cosines)["groups"]}
