"""The public names of `meanfield.datasets`."""

from .dataset import Dataset as Dataset
from .mixtures import clusters as clusters
from .mixtures import discs as discs
from .quadrature import quadrature as quadrature
from .shipped import breast_cancer as breast_cancer
from .shipped import digits as digits
from .shipped import mnist1d as mnist1d
from .synthetic import on_sphere as on_sphere
from .synthetic import random_labels as random_labels
from .synthetic import spikes as spikes
from .synthetic import spikes_at as spikes_at
from .synthetic import teacher as teacher

__all__: list[str]
