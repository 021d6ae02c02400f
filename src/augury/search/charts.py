"""Curves and heat maps for a page; colours come from its style sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from augury.sample import Array

STYLE = """
:root { --low: #eef1f5; --high: #08306b; --line-a: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --low: #22272e; --high: #ffd98a; --line-a: #56b4e9; } }
svg.curve { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
svg .rule { stroke: var(--line); stroke-width: 1; }
svg .values-line { fill: none; stroke: var(--line-a); stroke-width: 2; stroke-linejoin: round; }
svg .dot { fill: var(--line-a); }
svg .mark { stroke: var(--mark); stroke-width: 1.5; stroke-dasharray: 4 3; }
svg .told { fill: var(--mark); }
svg.spark { display: block; width: 7rem; height: 1.6rem; }
.heat { overflow-x: auto; }
.heat table { display: table; border-collapse: separate; border-spacing: 1px; margin: .25rem 0; width: auto; }
.heat th { font-weight: 400; font-size: .8rem; border: 0; padding: 0 .4rem 0 0; white-space: nowrap; }
.heat thead th { text-align: center; color: var(--soft); padding: 0 0 .15rem; }
.heat tbody th { position: sticky; left: 0; background: var(--paper); z-index: 1; }
.heat td { border: 0; padding: 0; min-width: .8rem; height: 1.05rem; border-radius: 2px;
  background: color-mix(in oklab, var(--high) calc(var(--v) * 1%), var(--low)); }
.heat td.gap { min-width: .25rem; background: none; }
.scale { display: flex; align-items: center; gap: .5rem; font-size: .82rem; color: var(--soft); }
.scale i { width: 8rem; height: .7rem; border-radius: 2px;
  background: linear-gradient(in oklab to right, var(--low), var(--high)); }
"""


def curve(values: Sequence[float], label: str, marks: Mapping[int, str] | None = None) -> str:
    """Values over epochs 0, 1, ... as SVG; marks: vertical lines at epochs, with a word each."""
    width, height, left, bottom, top = 360, 190, 50, 24, 18
    lines = ticks(min(values), max(values))
    y_of = _Scale(lines[0], lines[-1], height - bottom, top)
    x_of = _Scale(0, max(1, len(values) - 1), left + 8, width - 14)
    parts = [
        f'<line class="rule" x1="{left}" x2="{width}" y1="{y_of(y):.1f}" y2="{y_of(y):.1f}"/>'
        f'<text x="{left - 6}" y="{y_of(y) + 4:.1f}" text-anchor="end">{y:g}</text>'
        for y in lines
    ]
    for epoch in ticks(0, max(1, len(values) - 1)):
        if epoch == int(epoch) and epoch < len(values):
            parts.append(f'<text x="{x_of(epoch):.1f}" y="{height - 6}" text-anchor="middle">{epoch:g}</text>')
    parts.append(f'<text x="{left - 6}" y="{height - 6}" text-anchor="end">epoch</text>')
    for epoch, word in (marks or {}).items():
        x = x_of(epoch)
        side = "end" if x > width / 2 else "start"
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{height - bottom}"/>')
        parts.append(f'<text class="told" x="{x:.1f}" y="11" text-anchor="{side}">{escape(word)}</text>')
    points = " ".join(f"{x_of(i):.1f},{y_of(value):.1f}" for i, value in enumerate(values))
    parts.append(f'<polyline class="values-line" points="{points}"/>')
    radius = 3.5 if len(values) < 60 else 2
    for i, value in enumerate(values):
        parts.append(
            f'<circle class="dot" cx="{x_of(i):.1f}" cy="{y_of(value):.1f}" r="{radius}">'
            f"<title>epoch {i}: {value:.5g}</title></circle>"
        )
    return _svg(parts, width, height, f"{label}: {values[0]:.4g} in epoch 0, {values[-1]:.4g} in the last", "curve")


def spark(values: Sequence[float], high: float, label: str) -> str:
    """Values from 0 to `high` as a small line without axes."""
    width, height = 112, 26
    y_of, x_of = _Scale(0, high, height - 3, 3), _Scale(0, max(1, len(values) - 1), 3, width - 5)
    points = " ".join(f"{x_of(i):.1f},{y_of(value):.1f}" for i, value in enumerate(values))
    x, y = x_of(len(values) - 1), y_of(values[-1])
    parts = [
        f'<line class="rule" x1="0" x2="{width}" y1="{height - 3}" y2="{height - 3}"/>',
        f'<polyline class="values-line" points="{points}"/><circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>',
    ]
    return _svg(parts, width, height, label, "spark")


def heat_map(names: Sequence[str], values: Array, texts: Sequence[str], scale: str) -> str:
    """Values (rows, groups, columns) as a table of colours, 0 to the highest.

    names: of the rows. texts: one for each cell, row by row. scale: what the numbers are.
    """
    _, groups, columns = values.shape
    highest = float(values.max()) or 1.0
    head = "".join(f'<th colspan="{columns}">{group}</th><th></th>' for group in range(groups))
    body = []
    told = iter(texts)
    for name, held in zip(names, values, strict=True):
        cells = '<td class="gap"></td>'.join(
            "".join(
                f'<td style="--v:{100 * value / highest:.0f}" title="{escape(next(told), quote=True)}"></td>'
                for value in group
            )
            for group in held.tolist()
        )
        body.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    legend = f'<p class="scale">0 <i></i> {100 * highest:.0f} % {escape(scale)}</p>'
    table = f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    return f'{legend}<div class="heat">{table}</div>'


def ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Round numbers that enclose [low, high], about `most` of them."""
    if not low < high:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999999)
    return [float(f"{n * step:.10g}") for n in range(math.floor(low / step), math.ceil(high / step) + 1)]


class _Scale:
    """The place of a value between two ends."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.span, self.start, self.length = low, (high - low) or 1.0, start, end - start

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / self.span * self.length


def _svg(parts: Sequence[str], width: int, height: int, label: str, kind: str) -> str:
    text = escape(label, quote=True)
    return f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{text}">{"".join(parts)}</svg>'
