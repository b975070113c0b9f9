"""The studies by name, in the order of the story; a file is loaded when it is first asked for."""

import importlib
import sys
from collections.abc import Iterator, Mapping

from meanfield.arguments import one_of
from simulations.study.motion import Motion
from simulations.study.study import Claim, Study
from simulations.study.study_file import load, names_a_file

_FILES = (
    "simulations.regimes.lazy_scaling",
    "simulations.regimes.tangent_kernel",
    "simulations.regimes.infinite_width",
    "simulations.regimes.representation_learning",
    "simulations.regimes.splines",
    "simulations.regimes.spectral_descent",
    "simulations.regimes.width_transfer",
    "simulations.limits.particle_count",
    "simulations.limits.conic_equivalence",
    "simulations.limits.langevin",
    "simulations.limits.radial_limit",
    "simulations.limits.online_learning",
    "simulations.limits.best_step",
    "simulations.optimisation.global_convergence",
    "simulations.optimisation.sparse_deconvolution",
    "simulations.optimisation.birth_death",
    "simulations.optimisation.saddle_escape",
    "simulations.optimisation.depth",
    "simulations.optimisation.large_step",
    "simulations.optimisation.exponential_rate",
    "simulations.optimisation.sgd_temperature",
    "simulations.optimisation.finite_sums",
    "simulations.generalisation.implicit_bias",
    "simulations.generalisation.random_labels",
    "simulations.generalisation.double_descent",
    "simulations.generalisation.noise_stability",
    "simulations.generalisation.stiffness",
    "simulations.generalisation.mode_collapse",
    "simulations.scale.throughput",
    "simulations.scale.scaling_laws",
)

_PAPERS = (
    "simulations.published.chizat2019lazy",
    "simulations.published.chizat2018global",
    "simulations.published.chizat2019sparse",
    "simulations.published.chizat2020implicit",
    "simulations.published.mei2018mean",
    "simulations.published.rotskoff2018neural",
    "simulations.published.saad1995online",
    "simulations.published.williams2019gradient",
    "simulations.published.arora2019fine",
    "simulations.published.cohen2021gradient",
    "simulations.published.lewkowycz2020large",
    "simulations.published.four_points",
)

MOTIONS = ("lazy_scaling", "langevin", "sparse_deconvolution", "mode_collapse")
"""The studies that have particles to be watched."""

GROUPS = {
    "regimes": "When do features move, and what is learned when they do not?",
    "limits": "What do many particles become, and how far from it are finitely many?",
    "optimisation": "Where does training end, and how fast does it get there?",
    "generalisation": "Which solution does it find, and what is it worth on new data?",
    "scale": "What does more cost, and what does it buy?",
}
"""The question of every group, in the order of the story."""


class _Studies(Mapping[str, Study]):
    def __init__(self, files: tuple[str, ...]):
        self.files = {path.rpartition(".")[2]: path for path in files}

    def __getitem__(self, name: str) -> Study:
        return importlib.import_module(self.files[name]).STUDY

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


STUDIES = _Studies(_FILES)

PUBLISHED = _Studies(_PAPERS)
"""The studies that make published figures again, by their papers; they are no part of the story, nor of its ledger."""

_ALL = _Studies((*_FILES, *_PAPERS))


def find(study: str | Study) -> Study:
    """Return the study of that name, which may stand behind its group's, or in a file: `path/to/study.py`.

    With the name of an experiment behind it, `path/to/study.py/pairs`, it is the study of these runs alone. Raises
    `ValueError` for a name that is none, with the nearest one, and for a file without a study.

    >>> find("regimes/lazy_scaling").name
    'lazy_scaling'
    """
    if isinstance(study, Study):
        return study
    whole, slash, experiment = str(study).rpartition("/")
    if slash and (names_a_file(whole) or whole.rpartition("/")[2] in _ALL):
        return find(whole).only(experiment)
    if isinstance(study, str) and names_a_file(study):
        return load(study)
    group, slash, name = str(study).rpartition("/")
    if not slash:
        return _ALL[one_of("study", study, _ALL)]
    full = [f"{found.split('.')[1]}/{found.split('.')[2]}" for found in _ALL.files.values()]
    if study not in full and name in _ALL and group in (*GROUPS, "published"):
        right = next(one for one in full if one.endswith(f"/{name}"))
        raise ValueError(f"study={study!r}: {name} is not in the group {group}. Did you mean {right!r}?")
    return _ALL[one_of("study", study, full).rpartition("/")[2]]


def motion(study: str | Study) -> Motion:
    """Return the motion of a study: runs whose particles are kept at many times, and how they are drawn.

    Raises `ValueError` for a study that has nothing of the kind.

    >>> import simulations
    >>> simulations.motion("lazy_scaling").study.experiments[0].name
    'neurons'
    """
    found = find(study)
    if found.animation is None:
        allowed = ", ".join(MOTIONS)
        raise ValueError(f"study={found.name!r}: has no moving particles to show; expected one of {allowed}.")
    return Motion(found.only(found.animation.experiment.name), found.animation.scene)


def own(name: str, *experiments: str) -> Study | None:
    """Return the study of the package whose records have this name, or experiments of it; None for another name."""
    if name not in _ALL:
        return None
    return _ALL[name].only(*experiments) if experiments else _ALL[name]


def is_own(study: Study) -> bool:
    """Return True for a study of the package itself, and False for one that a user has made of it or named like it."""
    packaged = own(study.name)
    return packaged is not None and packaged in (study, study.whole)


def claim_of(study: str, name: str) -> Claim:
    """One claim of a packaged study."""
    return next(claim for claim in _ALL[study].claims if claim.name == name)


def owner(claim: Claim) -> str | None:
    """The name of the packaged study that makes this claim, None for a user's; nothing is loaded to find out."""
    loaded = (name for name, path in _ALL.files.items() if path in sys.modules)
    return next((name for name in loaded if any(claim is one for one in _ALL[name].claims)), None)
