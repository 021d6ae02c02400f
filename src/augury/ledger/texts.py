"""Records as JSON text: as Python's `json` writes it, compact and in ASCII, and faster where orjson writes the same.

orjson differs in a few values: text beyond ASCII, small numbers (0.00001 where Python has 1e-05), NaN and infinity.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_dumps: Callable[[Any], bytes] | None
try:
    from orjson import dumps as _dumps
except ImportError:  # it makes the same texts, only faster
    _dumps = None

encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_SHORT_EXPONENT = re.compile(rb"e-\d[,\]}]")


def text_of(record: Any, nones: int) -> str:
    """The text of a record. nones: how often it is known to hold None.

    Raises TypeError, ValueError, OverflowError or RecursionError for what JSON cannot hold.
    """
    if _dumps is None:
        return encode(record)
    try:
        text = _dumps(record)
    except (TypeError, RecursionError):
        return encode(record)
    sure = (
        text.isascii()
        and b"\x7f" not in text
        and b"0.0000" not in text
        and (b"e-" not in text or not _SHORT_EXPONENT.search(text))
        and text.count(b"null") == nones  # or one of them is a NaN, or infinite
    )
    return text.decode() if sure else encode(record)
