"""Data sets: synthetic ones whose truth is known, and real ones that ship with scikit-learn. Nothing is downloaded.

Every data set comes split, with its standardisation stated in `Dataset.statement`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
