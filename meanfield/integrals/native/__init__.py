"""Kernels compiled for this processor: LLVM's instructions, written by Python and called by XLA without it."""
