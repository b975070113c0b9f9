"""Handlers of XLA's calls in LLVM's instructions, with tiles shared out to XLA's own threads."""

# llvmlite has no types, and what is inferred of its instructions is that they are None.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportOptionalMemberAccess=false, reportReturnType=false

from collections.abc import Callable

from llvmlite import ir

from meanfield.integrals.native.layout import (
    API,
    ARGUMENTS,
    CONTEXT,
    DATA,
    DIMENSIONS,
    EXECUTE,
    EXTENSION,
    MAJOR,
    METADATA,
    RESULTS,
    STAGE,
    address,
    minor,
    word_of,
)
from meanfield.integrals.native.vectors import WORD, least, loop, word

BYTE = ir.IntType(8).as_pointer()
INT = ir.IntType(32)
BOOLEAN = ir.IntType(1)
WORDS = WORD.as_pointer()

NEXT, DONE, HOLDERS, TILES, BUFFERS = 0, 1, 2, 3, 4
"""Words of the state that threads share: the next tile, how many are done, who still holds the state, how many there
are; then of every buffer its address and `RANK` dimensions."""
RANK = 4


def _system_call(b: ir.IRBuilder, name: str, result: ir.Type, *operands: ir.Value) -> ir.Value:
    kind = ir.FunctionType(result, [operand.type for operand in operands])
    return b.call(b.inttoptr(word(address(name)), kind.as_pointer()), operands)


def read(b: ir.IRBuilder, words: ir.Value, at: int) -> ir.Value:
    """Word `at` behind a pointer."""
    return b.load(b.gep(words, [word(at)]))


def write(b: ir.IRBuilder, words: ir.Value, at: int, value: ir.Value) -> None:
    """Set word `at` behind a pointer."""
    b.store(value, b.gep(words, [word(at)]))


class Buffers:
    """Addresses and dimensions of the arguments and results of a call, as the state of its threads holds them."""

    def __init__(self, b: ir.IRBuilder, state: ir.Value):
        self.b, self.state = b, state

    def numbers(self, which: int, kind: ir.Type) -> ir.Value:
        """The pointer to the numbers of a buffer."""
        return self.b.inttoptr(read(self.b, self.state, BUFFERS + which * (1 + RANK)), kind.as_pointer())

    def length(self, which: int, axis: int) -> ir.Value:
        """The length of one of its axes."""
        return read(self.b, self.state, BUFFERS + which * (1 + RANK) + 1 + axis)


def handler(
    module: ir.Module,
    name: str,
    ranks: tuple[int, ...],
    results: tuple[int, ...],
    tiles: Callable[[ir.IRBuilder, Buffers], ir.Value],
    tile: Callable[[ir.IRBuilder, Buffers, ir.Value], None],
) -> None:
    """Add the handler `name` to the module, for arguments and results of the given ranks.

    `tiles` writes how many tiles there are, and `tile` what is computed for one of them, which no other may write to.
    Threads take the next tile until there is none: what is computed never depends on their number. The caller works
    too, so that nobody waits for a thread that has not begun; one that begins late finds nothing left.
    """
    one = _tile_function(module, f"{name}_tile", tile)
    work = _work_function(module, f"{name}_work", one)
    helper = _helper_function(module, f"{name}_helper", work)
    function = ir.Function(module, ir.FunctionType(BYTE, [WORDS]), name)
    b = ir.IRBuilder(function.append_basic_block())
    (frame,) = function.args
    nothing = ir.Constant(BYTE, None)
    with b.if_then(_metadata_asked(b, frame)):
        b.ret(nothing)
    stage = b.load(b.bitcast(b.gep(frame, [word(STAGE)]), INT.as_pointer()))
    with b.if_then(b.icmp_signed("!=", stage, INT(EXECUTE))):
        b.ret(nothing)
    words = BUFFERS + (len(ranks) + len(results)) * (1 + RANK)
    state = b.bitcast(_system_call(b, "malloc", BYTE, word(8 * words)), WORDS)
    at = BUFFERS
    for place, those in ((ARGUMENTS, ranks), (RESULTS, results)):
        listed = b.inttoptr(read(b, frame, place), WORDS)
        for i, rank in enumerate(those):
            buffer = b.inttoptr(read(b, listed, i), WORDS)
            write(b, state, at, read(b, buffer, DATA))
            lengths = b.inttoptr(read(b, buffer, DIMENSIONS), WORDS)
            for axis in range(rank):
                write(b, state, at + 1 + axis, read(b, lengths, axis))
            at += 1 + RANK
    count = tiles(b, Buffers(b, state))
    for at, value in ((NEXT, word(0)), (DONE, word(0)), (TILES, count)):
        write(b, state, at, value)
    _share_out(b, frame, state, count, helper)
    b.call(work, [state])
    _wait(b, state, count)
    _release(b, state)
    b.ret(nothing)


def _tile_function(module: ir.Module, name: str, tile: Callable) -> ir.Function:
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [WORDS, WORD]), name)
    b = ir.IRBuilder(function.append_basic_block())
    state, index = function.args
    tile(b, Buffers(b, state), index)
    b.ret_void()
    return function


def _work_function(module: ir.Module, name: str, tile: ir.Function) -> ir.Function:
    """Take tiles until there is none left."""
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [WORDS]), name)
    entry, inside, after = (function.append_basic_block(block) for block in ("entry", "inside", "after"))
    (state,) = function.args
    b = ir.IRBuilder(entry)
    b.branch(take := function.append_basic_block("take"))
    b.position_at_end(take)
    index = b.atomic_rmw("add", b.gep(state, [word(NEXT)]), word(1), "seq_cst")
    b.cbranch(b.icmp_signed("<", index, read(b, state, TILES)), inside, after)
    b.position_at_end(inside)
    b.call(tile, [state, index])
    b.atomic_rmw("add", b.gep(state, [word(DONE)]), word(1), "seq_cst")
    b.branch(take)
    b.position_at_end(after)
    b.ret_void()
    return function


def _helper_function(module: ir.Module, name: str, work: ir.Function) -> ir.Function:
    """Let another thread work, and then let go of the state."""
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [WORDS]), name)
    b = ir.IRBuilder(function.append_basic_block())
    (state,) = function.args
    b.call(work, [state])
    _release(b, state)
    b.ret_void()
    return function


def _release(b: ir.IRBuilder, state: ir.Value) -> None:
    """Let go of the state, which the last one frees."""
    before = b.atomic_rmw("sub", b.gep(state, [word(HOLDERS)]), word(1), "seq_cst")
    with b.if_then(b.icmp_signed("==", before, word(1))):
        _system_call(b, "free", ir.VoidType(), b.bitcast(state, BYTE))


def _wait(b: ir.IRBuilder, state: ir.Value, count: ir.Value) -> None:
    """Let others run until their last tiles are done: each is being computed, none is waiting for a thread."""
    again, after = (b.append_basic_block(name) for name in ("again", "done"))
    b.branch(again)
    b.position_at_end(again)
    done = b.load_atomic(b.gep(state, [word(DONE)]), "seq_cst", 8)
    pause = b.append_basic_block("pause")
    b.cbranch(b.icmp_signed("<", done, count), pause, after)
    b.position_at_end(pause)
    _system_call(b, "yield", INT)
    b.branch(again)
    b.position_at_end(after)


def _share_out(b: ir.IRBuilder, frame: ir.Value, state: ir.Value, count: ir.Value, helper: ir.Function) -> None:
    """Ask XLA for as many threads as it has, besides this one, and as there are other tiles."""
    api = b.inttoptr(read(b, frame, API), WORDS)
    context = read(b, frame, CONTEXT)

    request = b.alloca(WORD, 5)

    def ask(name: str, *rest: ir.Value) -> ir.Value:
        values = [word(8 * (3 + len(rest))), word(0), context, *rest]
        for at, value in enumerate(values):
            write(b, request, at, value)
        function = b.inttoptr(read(b, api, word_of(name)), ir.FunctionType(BYTE, [WORDS]).as_pointer())
        return b.call(function, [request])

    threads = b.alloca(WORD)
    b.store(word(1), threads)
    refused = ask("XLA_FFI_ThreadPool_NumThreads", b.ptrtoint(threads, WORD))
    known = b.icmp_unsigned("==", refused, ir.Constant(BYTE, None))
    with b.if_then(b.not_(known)):
        _forget(b, api, refused)
    several = b.select(known, b.load(threads), word(1))
    others = least(b, b.sub(several, word(1)), b.sub(count, word(1)))
    others = b.select(b.icmp_signed(">", others, word(0)), others, word(0))
    write(b, state, HOLDERS, b.add(others, word(1)))

    def one(_i: ir.Value, _) -> list:
        refused = ask("XLA_FFI_ThreadPool_Schedule", b.ptrtoint(helper, WORD), b.ptrtoint(state, WORD))
        with b.if_then(b.icmp_unsigned("!=", refused, ir.Constant(BYTE, None))):
            _forget(b, api, refused)
            b.atomic_rmw("sub", b.gep(state, [word(HOLDERS)]), word(1), "seq_cst")
        return []

    loop(b, word(0), others, 1, [], one)


def _forget(b: ir.IRBuilder, api: ir.Value, error: ir.Value) -> None:
    """Give an error of XLA's back to it: without more threads, this one computes all."""
    request = b.alloca(WORD, 3)
    for at, value in enumerate((word(24), word(0), b.ptrtoint(error, WORD))):
        write(b, request, at, value)
    destroy = ir.FunctionType(ir.VoidType(), [WORDS]).as_pointer()
    b.call(b.inttoptr(read(b, api, word_of("XLA_FFI_Error_Destroy")), destroy), [request])


def _metadata_asked(b: ir.IRBuilder, frame: ir.Value) -> ir.Value:
    """Answer with the version of the interface where an extension of the call asks for it; return whether one does."""
    entry, first = b.block, read(b, frame, EXTENSION)
    head, inside, answer, following, after = (
        b.append_basic_block(name) for name in ("extension", "kind", "answer", "next", "answered")
    )
    b.branch(head)
    b.position_at_end(head)
    at, asked = b.phi(WORD), b.phi(BOOLEAN)
    at.add_incoming(first, entry)
    asked.add_incoming(BOOLEAN(0), entry)
    b.cbranch(b.icmp_signed("!=", at, word(0)), inside, after)
    b.position_at_end(inside)
    extension = b.inttoptr(at, WORDS)
    b.cbranch(b.icmp_signed("==", b.trunc(read(b, extension, 1), INT), INT(METADATA)), answer, following)
    b.position_at_end(answer)
    metadata = b.inttoptr(read(b, extension, 3), WORDS)
    # Its size; of the version size, extensions, and both numbers in one word; then the traits.
    version = b.bitcast(b.gep(metadata, [word(3)]), INT.as_pointer())
    b.store(INT(MAJOR), version)
    b.store(INT(minor()), b.gep(version, [word(1)]))
    b.store(INT(0), b.bitcast(b.gep(metadata, [word(4)]), INT.as_pointer()))
    b.branch(following)
    b.position_at_end(following)
    now = b.phi(BOOLEAN)
    now.add_incoming(asked, inside)
    now.add_incoming(BOOLEAN(1), answer)
    at.add_incoming(read(b, extension, 2), following)
    asked.add_incoming(now, following)
    b.branch(head)
    b.position_at_end(after)
    return asked
