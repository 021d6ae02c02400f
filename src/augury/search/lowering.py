"""Lowering a batch of steps of one transform that differ in one number, so that gradients reach this number.

The catalogue's own `lower` is used, whatever it computes: a `lower` that only hands the number on is given the tensor
itself; another is called beside every distinct value, and its results and their central differences become tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from augury.ops import Op
from augury.sample import Signature
from augury.transform import Params, Transform

# Half the distance of two evaluations: in float64, results and slopes are exact to about 1e-8.
_STEP = 1e-4


class _Given:
    """Stands for a tensor that is handed on; computing with it, or asking what it is, is a TypeError."""

    __hash__ = None  # type: ignore[assignment]

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("this number is not known yet")

    __bool__ = __eq__ = __ne__ = __float__ = _refuse


_GIVEN: Any = _Given()


def lower(transform: type[Transform], params_at: Callable[[Any], Params], values: Tensor, sig: Signature) -> list[Op]:
    """Ops of a batch of steps, whose varying fields are tensors (B, ...) that carry gradients to `values`.

    params_at: a step's params at a value. values: (B,). The ops must be the same at all values, but for their numbers.
    """
    try:
        lowered = transform.lower(params_at(_GIVEN), sig)
    except TypeError:
        return _by_differences(transform, params_at, values, sig)
    return [type(op)(*[_put(field, values) for field in op]) for op in lowered]


def _put(field: Any, values: Tensor) -> Any:
    """The field with the tensor where it belongs."""
    if isinstance(field, tuple):
        return tuple([_put(part, values) for part in field])
    return values if field is _GIVEN else field


def _by_differences(
    transform: type[Transform], params_at: Callable[[Any], Params], values: Tensor, sig: Signature
) -> list[Op]:
    distinct, place = np.unique(values.detach().to("cpu", torch.float64).numpy(), return_inverse=True)
    ends = [v + step for step in (_STEP, -_STEP) for v in distinct.tolist()]
    # Never at the value itself: there a transform may leave out an op that changes nothing.
    lowered = [transform.lower(params_at(end), sig) for end in ends]
    out: list[Op] = []
    for same in zip(*lowered, strict=True):
        fields: list[Any] = []
        for column in zip(*same, strict=True):
            if column.count(column[0]) == len(column):
                fields.append(column[0])
                continue
            high, low = np.array(column, np.float64).reshape(2, len(distinct), *np.shape(column[0]))
            fields.append(_attached((high + low)[place] / 2, (high - low)[place] / (2 * _STEP), values))
        out.append(type(same[0])(*fields))
    return out


class _Attached(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, results: Tensor, slopes: Tensor) -> Tensor:
        ctx.save_for_backward(slopes)
        return results

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (slopes,) = ctx.saved_tensors
        return (grads[0] * slopes).reshape(len(slopes), -1).sum(1), None, None


def _attached(results: Any, slopes: Any, values: Tensor) -> Tensor:
    """`results`, (B, ...), as a tensor whose derivative by `values` is `slopes`."""
    found = torch.from_numpy(results).to(values.device, values.dtype)
    if not values.requires_grad:
        return found
    out: Tensor = _Attached.apply(values, found, torch.from_numpy(slopes).to(found))  # type: ignore[no-untyped-call]
    return out
