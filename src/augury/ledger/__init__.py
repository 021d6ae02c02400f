"""What happened to every sample while training, kept as Parquet parts and read with DuckDB."""

from augury.ledger.ledger import Ledger, Sample, Source, opened, sample_of

__all__ = ["Ledger", "Sample", "Source", "opened", "sample_of"]
