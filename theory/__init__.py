"""Proved results about two-layer networks, in numpy and scipy, float64.

An oracle: it shares no code with the engine it judges. Kernels, curves and minima are plain arrays; a claim,
a number that an experiment is compared with, is a `theory.prediction.Prediction` that names its assumptions
and its source, a key of `theory/references.bib`. One file for each piece of mathematics.
"""
