"""Make every image of a demonstration's ledger again, in a process that has seen nothing but the ledger and the digits.

    python -m augury.demo.check LEDGER

Prints one line of JSON: the number of rows, and the ids and epochs of those whose image is not what the model saw.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from augury.demo.digits import source
from augury.digest import digest_of
from augury.ledger import Ledger


def check(uri: str) -> dict[str, Any]:
    """Replay every row; compare with the digest that was taken of the model's input."""
    ledger = Ledger(uri)
    rows = ledger.sql("select sample_id, epoch, record, digest from ledger").to_pylist()
    differ = [
        [row["sample_id"], row["epoch"]]
        for row in rows
        if digest_of(ledger.replay(row, source)["image"])["digest"] != row["digest"]
    ]
    return {"rows": len(rows), "differ": differ}


if __name__ == "__main__":
    print(json.dumps(check(sys.argv[1])))
