"""A ledger as an MLflow run: what it was made of as params, losses by epoch and by step as metrics, files beside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from augury.ledger.summary import by_epoch, by_step
from augury.saving import FORMAT

if TYPE_CHECKING:
    from augury.ledger.ledger import Ledger

_AT_ONCE = 1000  # metrics in one request, the most that MLflow takes
_FORBIDDEN = re.compile(r"[^\w\-. /]")  # in names of metrics


def to_mlflow(ledger: Ledger, tracking_uri: str | None, experiment: str, run_name: str | None, worst: int) -> str:
    """See `Ledger.to_mlflow`."""
    try:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param
    except ImportError as error:
        raise ImportError(f"to_mlflow needs {error.name}: pip install 'augury[mlflow]'") from error

    epochs, steps = by_epoch(ledger), by_step(ledger)
    times = {row["epoch"]: int(row["time"] * 1000) for row in epochs}
    metrics = [
        Metric(f"loss_{name}", row[name], times[row["epoch"]], row["epoch"])
        for row in epochs
        for name in ("mean", "median", "p95", "highest")
    ]
    for row in steps:
        path = _FORBIDDEN.sub("_", row["path"])
        for name, column in (("ran_on", "share"), ("loss_with", "ran"), ("loss_without", "not_ran")):
            if row[column] is not None:
                metrics.append(Metric(f"{name}/{path}", row[column], times[row["epoch"]], row["epoch"]))

    client = MlflowClient(tracking_uri)
    known = client.get_experiment_by_name(experiment)
    experiment_id = client.create_experiment(experiment) if known is None else known.experiment_id
    run = client.create_run(experiment_id, start_time=min(times.values()), run_name=run_name)
    run_id: str = run.info.run_id
    try:
        manifest = ledger.manifest
        facts: dict[str, Any] = {"ledger": ledger.uri, "rows": len(ledger)}
        facts |= {name: manifest.get(name) for name in ("fingerprint", "seed", "key_scheme", "python", "platform")}
        git, model = manifest.get("git") or {}, manifest.get("model") or {}
        facts |= {"git_commit": git.get("commit"), "model_sha256": model.get("sha256")}
        params = [Param(name, str(value)) for name, value in facts.items() if value is not None]
        client.log_batch(run_id, params=params)
        for at in range(0, len(metrics), _AT_ONCE):
            client.log_batch(run_id, metrics=metrics[at : at + _AT_ONCE])
        client.log_dict(run_id, manifest, "manifest.json")
        if manifest.get("pipeline") is not None:
            saved = manifest["pipeline"]
            if "transform" not in saved:
                saved = {"library": "augury", "format": FORMAT, "transform": saved}
            client.log_dict(run_id, saved, "pipeline.json")
        rows = ledger.top("loss", worst, "isfinite(loss)")
        client.log_dict(run_id, {"rows": [{**row, "time": row["time"].isoformat()} for row in rows]}, "worst.json")
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, end_time=max(times.values()))
    return run_id
