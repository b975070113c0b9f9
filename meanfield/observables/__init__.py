"""Observables: what is looked at in a simulation, and in a network after it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
