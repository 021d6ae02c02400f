"""What happened to every sample while training, kept as Parquet parts and read with DuckDB."""

from augury.ledger.ledger import Ledger

__all__ = ["Ledger"]
