"""A search as one HTML page: metrics, the policy, samples under it, how it changed; everything inside the file.

It reads what the search wrote and nothing else: no dataset is opened, no code of the user runs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from augury.errors import RecordError
from augury.inspect.page import page
from augury.sample import Array
from augury.search import charts
from augury.search.config import Config
from augury.search.evaluate import split
from augury.search.operations import Operation, find_operation
from augury.search.pictures import DRAWS, Sample, kept, shares, strip
from augury.search.policy import PolicyState
from augury.search.run import CONFIG

METRICS = {
    "loss": ("loss", "of the model on its task"),
    "d_loss": ("d_loss", "of the critic; it should stay bounded"),
    "a_loss": ("a_loss", "of the policy"),
    "average_parameter_change": (
        "Average Parameter Change",
        "in each epoch; the search ends when it stops falling",
    ),
    "distance_from_start": ("Distance From Start", "of the policy; near zero means that nothing was learned"),
}
# Operations of a stage that are applied to fewer samples than this are left to the heat map.
RARE = 0.02
MOST_NAMED = 4

STYLE = """
section { margin: 2rem 0; }
section > h2 { font-size: 1.3rem; margin-bottom: .4rem; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); gap: 1rem; }
.curves figure, .sub { padding: .75rem; border: 1px solid var(--line); border-radius: .75rem; background: var(--card); }
.curves figcaption { margin: 0 0 .4rem; font-size: .9rem; color: var(--soft); }
.curves figcaption b { display: inline; color: var(--ink); }
.subs { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); gap: 1rem; }
.sub h3 { margin: 0 0 .35rem; font-size: 1rem; }
.sub dl { display: grid; grid-template-columns: auto 1fr; gap: .1rem .6rem; margin: 0 0 .6rem; font-size: .88rem; }
.sub dl div { display: contents; }
.sub img, .originals img { border-radius: 0; }
img.large { image-rendering: auto; }
.originals { max-width: 25rem; }
td, th { white-space: nowrap; overflow-wrap: normal; }
td.number, th.number { text-align: right; }
details { margin: .75rem 0; }
summary { cursor: pointer; color: var(--soft); }
.verdict b { font-size: 1.05rem; }
"""


def report_page(folder: str | Path) -> str:
    """The page of a search's folder. Raises RecordError if it holds no search, or none with an epoch done."""
    folder = Path(folder)
    saved, metrics = _json(folder, CONFIG, "holds no search"), _json(folder, "metrics.json", "has no epoch done yet")
    config = Config.read(saved["config"])
    operations = [find_operation(spec) for spec in config.policy_model.operations]
    epochs, stopping = metrics["epochs"], metrics["stopping"]
    states = [_state(folder, "start"), *(_state(folder, f"epoch_{epoch['epoch']}") for epoch in epochs)]
    told = (
        f"{config.policy_model.algorithm} on {config.task.replace('_', ' ')}, {len(epochs)} epochs of at most "
        f"{config.trainer.max_epochs}, seed {config.seed}."
    )
    ended = (
        f"{'It ended by itself' if stopping['stop'] else 'It did not end by itself'}; Average Parameter Change: "
        f"{stopping['reason'].replace(': ', ', ', 1)}."
    )
    body = [
        _section("Metrics", _curves(epochs, stopping)),
        _evaluation(folder),
        _section("Operations", _operations(operations, states)),
        _section("Heat map", _heat_maps(operations, states[-1])),
        _section("Sub-policies", _sub_policies(folder, config, operations, states[-1])),
    ]
    return page(f"Policy search {folder.resolve().name}", (told, ended), "\n".join(body), charts.STYLE + STYLE)


def _json(folder: Path, name: str, otherwise: str) -> Any:
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise RecordError(f"{folder}: {otherwise}; there is no {name}") from None
    except ValueError as error:
        raise RecordError(f"{folder / name}: is not JSON; {error}") from None


def _state(folder: Path, name: str) -> PolicyState:
    return PolicyState.from_dict(_json(folder, f"states/{name}.json", "lacks the policy of an epoch"))


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>"


# ---- metrics -------------------------------------------------------------------------------------------------


def _curves(epochs: Sequence[dict[str, Any]], stopping: dict[str, Any]) -> str:
    figures = []
    for name, (title, text) in METRICS.items():
        values = [epoch[name] for epoch in epochs]
        marks = {}
        if name == "average_parameter_change" and stopping["lowest_epoch"] != stopping["epoch"]:
            marks[stopping["lowest_epoch"]] = "lowest"
        if stopping["stop"]:
            marks[stopping["epoch"]] = "stopped"
        figures.append(
            f"<figure><figcaption><b>{title}</b> {text}</figcaption>{charts.curve(values, title, marks)}</figure>"
        )
    head = "".join(f'<th class="number">{title}</th>' for title, _ in METRICS.values())
    rows = "".join(
        f"<tr><td>{epoch['epoch']}</td>{''.join(_number(epoch[name], '.4g') for name in METRICS)}</tr>"
        for epoch in epochs
    )
    table = f"<table><thead><tr><th>epoch</th>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="curves">{"".join(figures)}</div><details><summary>As numbers</summary>{table}</details>'


def _number(value: float, form: str) -> str:
    return f'<td class="number">{value:{form}}</td>'


def _evaluation(folder: Path) -> str:
    """What `augury search evaluate` found, if it was asked."""
    if not (folder / "evaluation.json").exists():
        return ""
    held = _json(folder, "evaluation.json", "has no evaluation")
    rows = "".join(
        f"<tr{' class=best' if arm['name'] == 'found' else ''}><td>{escape(arm['title'])}</td>"
        f'<td class="number">{arm["score"]["count"]}</td><td class="number">{_with_interval(arm["score"], "")}</td>'
        f'<td class="number">{_with_interval(arm["gain"], "+")}</td></tr>'
        for arm in held["arms"]
    )
    heads = "".join(
        f'<th class="number">{name}</th>' for name in ("seeds", f"{held['metric']}, %", "found is better by")
    )
    first, _, rest = held["verdict"].partition(". ")
    return _section(
        "Was it worth it?",
        f'<p class="verdict"><b>{escape(first)}.</b> {escape(rest)}</p>'
        f"<table><thead><tr><th>arm</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p><small>{held['epochs']} epochs each; means with 95 % intervals.</small></p>",
    )


def _with_interval(value: dict[str, Any] | None, sign: str) -> str:
    if value is None:
        return ""
    mean = f"{100 * value['mean']:{sign}.2f}"
    return mean if value["high"] is None else f"{mean} ± {100 * (value['high'] - value['mean']):.2f}"


# ---- operations ------------------------------------------------------------------------------------------------


def _operations(operations: Sequence[Operation], states: Sequence[PolicyState]) -> str:
    """A row for each operation, those that gained most first: how often, how strong, and both over the epochs."""
    often = np.array([list(state.totals().values()) for state in states]) * 100
    strong = np.array([_strengths(state) for state in states])
    highest = float(often.max()) or 1.0
    rows = []
    for i in np.argsort(often[0] - often[-1], kind="stable").tolist():
        operation = operations[i]
        cells = [
            f"<td>{escape(operation.name)}</td>",
            _number(often[0, i], ".1f"),
            _number(often[-1, i], ".1f"),
            _number(often[-1, i] - often[0, i], "+.1f"),
            f"<td>{charts.spark(often[:, i].tolist(), highest, f'{operation.name}: how often, by epoch')}</td>",
        ]
        if operation.has_magnitude:
            cells += [
                f"<td>{escape(_values(operation, strong[0, i]))}</td>",
                f"<td>{escape(_values(operation, strong[-1, i]))}</td>",
                f"<td>{charts.spark(strong[:, i].tolist(), 1.0, f'{operation.name}: magnitude, by epoch')}</td>",
            ]
        else:
            cells += ["<td></td>" * 3]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    heads = "".join(
        f"<th{' class=number' if number else ''}>{name}</th>"
        for name, number in (
            ("operation", False), ("at the start", True), ("now", True), ("change", True), ("by epoch", False),
            ("values at the start", False), ("values now", False), ("magnitude by epoch", False),
        )
    )  # fmt: skip
    return (
        "<p>How often each operation is applied to 100 images, and the range its value is drawn from, as it is on "
        f"average where it is applied.</p><table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _strengths(state: PolicyState) -> list[float]:
    """The mean magnitude of each operation, weighted by how often it is applied."""
    weights = shares(state)
    magnitudes = np.moveaxis(np.array(state.magnitudes), 2, 0)
    means: list[float] = ((weights * magnitudes).sum((1, 2)) / np.maximum(weights.sum((1, 2)), 1e-12)).tolist()
    return means


def _values(operation: Operation, magnitude: float) -> str:
    """The values that an operation draws from at a magnitude."""
    low, high = sorted(operation.ends(magnitude))
    return f"{high:.3g}" if low == high else f"{low:.3g} to {high:.3g}".replace("-", "\N{MINUS SIGN}")


def _heat_maps(operations: Sequence[Operation], state: PolicyState) -> str:
    values = shares(state)
    magnitudes = np.moveaxis(np.array(state.magnitudes), 2, 0)
    texts = [
        f"{operation.name}, sub-policy {sub}, stage {stage}: {100 * values[i, sub, stage]:.1f} %"
        + (f", {_values(operation, magnitudes[i, sub, stage])}" if operation.has_magnitude else "")
        for i, operation in enumerate(operations)
        for sub in range(values.shape[1])
        for stage in range(values.shape[2])
    ]
    names = [operation.name for operation in operations]
    strong = [i for i, operation in enumerate(operations) if operation.has_magnitude]
    size = values.shape[1] * values.shape[2]
    drawn = charts.heat_map(names, values, texts, "of samples, by stage")
    out = (
        "<p>How likely each stage applies each operation. Columns are stages, under the number of their sub-policy; "
        f"point at a cell for its numbers.</p>{drawn}"
    )
    if strong:
        told = [text for i in strong for text in texts[i * size : (i + 1) * size]]
        drawn = charts.heat_map([names[i] for i in strong], magnitudes[strong], told, "of the operation's range")
        out += f"<details><summary>Magnitudes</summary>{drawn}</details>"
    return out


# ---- sub-policies ----------------------------------------------------------------------------------------------


def _sub_policies(folder: Path, config: Config, operations: Sequence[Operation], state: PolicyState) -> str:
    samples = kept(folder)
    _, policy, _ = split(folder / "policy" / "latest.json", config)
    steps: Sequence[Any] = policy.transforms  # type: ignore[union-attr]  # it is one of the sub-policies
    lead = "<p>Every image goes through one of these, all equally likely, and there through its stages in order.</p>"
    if samples:
        original = _image(
            strip([sample for sample in samples for _ in range(DRAWS)]), "the samples as they are", samples
        )
        caption = "<figcaption>As they are; below, drawn twice each.</figcaption>"
        lead += f'<figure class="originals">{original}{caption}</figure>'
    else:
        lead += "<p>This search kept no samples to show.</p>"
    subs = "".join(_sub(i, step, operations, state, samples) for i, step in enumerate(steps))
    return f'{lead}<div class="subs">{subs}</div>'


def _sub(number: int, step: Any, operations: Sequence[Operation], state: PolicyState, samples: Sequence[Sample]) -> str:
    stages = []
    for at, (weights, chances, magnitudes) in enumerate(
        zip(state.weights[number], state.probabilities[number], state.magnitudes[number], strict=True)
    ):
        often = [weight * chance for weight, chance in zip(weights, chances, strict=True)]
        order = sorted(range(len(often)), key=lambda i: -often[i])
        named = [i for i in order if often[i] >= RARE][:MOST_NAMED]
        parts = [_applied(operations[i], often[i], magnitudes[i]) for i in named]
        others, nothing = sum(often) - sum(often[i] for i in named), 1 - sum(often)
        if others > 0.005:
            parts.append(f"others {100 * others:.0f} %")
        parts.append(f"nothing {100 * max(nothing, 0):.0f} %")
        stages.append(f"<div><dt>{at + 1}</dt><dd>{escape('; '.join(parts))}</dd></div>")
    picture = _image(strip(samples, step, number), f"samples under sub-policy {number}", samples) if samples else ""
    return f'<div class="sub"><h3>Sub-policy {number}</h3><dl>{"".join(stages)}</dl>{picture}</div>'


def _applied(operation: Operation, often: float, magnitude: float) -> str:
    values = f" ({_values(operation, magnitude)})" if operation.has_magnitude else ""
    return f"{operation.name} {100 * often:.0f} %{values}"


def _image(strip: Array, text: str, samples: Sequence[Sample]) -> str:
    """A strip inside the page: lossless where single pixels show, compressed for photographs."""
    large = max(samples[0]["image"].shape[:2]) > 64
    kind, options = ("webp", [cv2.IMWRITE_WEBP_QUALITY, 85]) if large else ("png", [cv2.IMWRITE_PNG_COMPRESSION, 9])
    data = cv2.imencode(f".{kind}", cv2.cvtColor(strip, cv2.COLOR_RGBA2BGRA), options)[1]
    text = escape(text, quote=True)
    return (
        f'<img class="{"large" if large else "small"}" alt="{text}" width="{strip.shape[1]}" height="{strip.shape[0]}" '
        f'src="data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}">'
    )
