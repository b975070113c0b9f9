"""Kernels that are compiled for this processor: LLVM's instructions from Python, called by XLA without Python between."""
