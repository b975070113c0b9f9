"""Kernels compiled for this processor, once in a process, and their names for XLA."""

import functools

import llvmlite
import llvmlite.binding as llvm
from llvmlite import ir

from meanfield.integrals.native import layout
from meanfield.integrals.native.planar import add_histogram, add_picked
from meanfield.integrals.native.predict import add_predict
from meanfield.integrals.native.pullback import add_pullback
from meanfield.integrals.native.task import Work


@functools.cache
def compiled(work: Work) -> tuple[str, str]:
    """The names of the calls that predict and pull back, known to XLA from when they are first asked for."""
    predict, pullback = _names(("predict", "pullback"), work)
    module = ir.Module("meanfield")
    add_predict(module, predict, work)
    add_pullback(module, pullback, work)
    _install(module, (predict, pullback))
    return predict, pullback


@functools.cache
def planar(work: Work, probes: int) -> tuple[str, str]:
    """The names of the calls that sum particles by place, with so many looks into a cell, and that go back."""
    histogram, picked = _names((f"histogram{probes}", f"picked{probes}"), work)
    module = ir.Module("meanfield")
    add_histogram(module, histogram, work, probes)
    add_picked(module, picked, work)
    _install(module, (histogram, picked))
    return histogram, picked


def _names(calls: tuple[str, str], work: Work) -> tuple[str, str]:
    label = "_".join(
        str(part) for part in (work.activation, work.inputs, int(work.bias), work.outputs, work.kind.dtype)
    )
    one, other = (f"meanfield_{call}_{label}" for call in calls)
    return one, other


def _install(module: ir.Module, names: tuple[str, ...]) -> None:
    """Compile a module, and register its functions of these names with XLA."""
    code = engine(str(module))
    for name in names:
        layout.register(name, code.get_function_address(name))
    _ENGINES.append(code)


_ENGINES: list[llvm.ExecutionEngine] = []
"""What holds the machine code of the kernels, which XLA may call as long as the process lives."""


def engine(text: str) -> llvm.ExecutionEngine:
    """Compile a module for this processor."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    parsed = llvm.parse_assembly(text)
    parsed.verify()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = False
    llvm.create_pass_builder(machine, options).getModulePassManager().run(
        parsed, llvm.create_pass_builder(machine, options)
    )
    code = llvm.create_mcjit_compiler(parsed, machine)
    code.finalize_object()
    return code


@functools.cache
def unavailable() -> str | None:
    """Why no code can be compiled and called here, in half a sentence; None if it can."""
    if not hasattr(llvm, "create_pass_builder"):
        return f"llvmlite {llvmlite.__version__} is too old: at least 0.44 is needed"
    return layout.unavailable()
