"""Arguments: numbers, arrays, names and objects that enter, each with one clear sentence for a bad one."""

from meanfield.arguments.checks import (
    ADDRESSABLE,
    INT32,
    array_of,
    finite_numbers,
    finite_result,
    flag,
    float_type,
    floating_array,
    held_by,
    held_flow,
    nonnegative_array,
    one_of,
    positive_count,
    positive_number,
    positive_scalar,
    real_number,
)
from meanfield.arguments.conversion import host, real_numbers, said

__all__ = [
    "ADDRESSABLE",
    "INT32",
    "array_of",
    "finite_numbers",
    "finite_result",
    "flag",
    "float_type",
    "floating_array",
    "held_by",
    "held_flow",
    "host",
    "nonnegative_array",
    "one_of",
    "positive_count",
    "positive_number",
    "positive_scalar",
    "real_number",
    "real_numbers",
    "said",
]
