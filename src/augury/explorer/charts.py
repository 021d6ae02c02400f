"""Small charts as SVG, drawn for one page: colours come from its style sheet, links and titles make them readable.

Every chart has a text that says what it shows; what a chart shows is also in the page's JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from markupsafe import Markup

Numbers = Sequence[float]


def history(points: Sequence[Mapping[str, Any]], label: str) -> Markup:
    """Losses of one sample over epochs: points with x, y, title, url (may be empty) and current."""
    shown = [point for point in points if _finite(point["y"])]
    if not shown:
        return Markup('<p class="quiet">No losses to draw.</p>')
    width, height, left, bottom = 640, 190, 46, 26
    xs, ys = [float(point["x"]) for point in shown], [float(point["y"]) for point in shown]
    x_of = _scale(min(xs), max(xs), left + 8, width - 12)
    y_ticks = ticks(min(0.0, *ys), max(ys))
    y_of = _scale(y_ticks[0], y_ticks[-1], height - bottom, 10)
    parts = [_grid(y_ticks, y_of, left, width)]
    for epoch in sorted({round(tick) for tick in ticks(min(xs), max(xs), 8)} & {round(x) for x in xs}):
        parts.append(f'<text x="{x_of(epoch):.1f}" y="{height - 8}" text-anchor="middle">{epoch}</text>')
    line = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in zip(xs, ys, strict=True))
    parts.append(f'<polyline class="line" points="{line}"/>')
    for point, x, y in zip(shown, xs, ys, strict=True):
        kind = "dot current" if point["current"] else "dot"
        dot = f'<circle class="{kind}" cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="{7 if point["current"] else 5}"/>'
        parts.append(_linked(dot, point["title"], point["url"]))
    return _svg(parts, width, height, label)


def interval(
    effect: float | None, low: float | None, high: float | None, ends: tuple[float, float], label: str, url: str
) -> Markup:
    """One effect with its interval as a bar from zero, on a scale that all rows of a table share."""
    width, height = 240, 26
    x_of = _scale(*ends, 6, width - 6)
    middle = height / 2
    parts = [f'<line class="zero" x1="{x_of(0):.1f}" x2="{x_of(0):.1f}" y1="0" y2="{height}"/>']
    if effect is not None and math.isfinite(effect):
        start, end = sorted((x_of(0), x_of(effect)))
        kind = "bar harm" if effect > 0 else "bar help"
        parts.append(
            f'<rect class="{kind}" x="{start:.1f}" y="5" width="{max(end - start, 1):.1f}" height="{height - 10}"/>'
        )
        if low is not None and high is not None:
            a, b = x_of(low), x_of(high)
            parts.append(
                f'<path class="whisker" d="M{a:.1f} {middle}H{b:.1f}M{a:.1f} 8V{height - 8}M{b:.1f} 8V{height - 8}"/>'
            )
    return _svg(
        [_linked("".join(parts) + f'<rect class="hit" width="{width}" height="{height}"/>', label, url)],
        width,
        height,
        label,
        "interval",
    )


def curve(bins: Sequence[Mapping[str, Any]], label: str, unit: str) -> Markup:
    """Effect along a value: one bar per bin with its interval. bins: text, effect, low95, high95, n, url, title."""
    shown = [one for one in bins if _finite(one["effect"])]
    if not shown:
        return Markup('<p class="quiet">Too few rows for a curve.</p>')
    width, height, left, bottom = 640, 220, 52, 44
    reach = [v for one in shown for v in (one["effect"], one["low95"], one["high95"]) if _finite(v)]
    y_ticks = ticks(min(0.0, *reach), max(0.0, *reach))
    y_of = _scale(y_ticks[0], y_ticks[-1], height - bottom, 10)
    parts = [_grid(y_ticks, y_of, left, width)]
    wide = (width - left - 10) / len(bins)
    every = max(1, math.ceil(len(bins) * 62 / (width - left)))
    for at, one in enumerate(bins):
        x = left + wide * (at + 0.5)
        if at % every == 0:
            parts.append(
                f'<text x="{x:.1f}" y="{height - bottom + 16}" text-anchor="middle">{escape(one["text"])}</text>'
            )
        if not _finite(one["effect"]):
            continue
        top, foot = sorted((y_of(0), y_of(one["effect"])))
        kind = "bar harm" if one["effect"] > 0 else "bar help"
        mark = (
            f'<rect class="{kind}" x="{x - wide * 0.38:.1f}" y="{top:.1f}" width="{wide * 0.76:.1f}" '
            f'height="{max(foot - top, 1):.1f}"/>'
        )
        if _finite(one["low95"]) and _finite(one["high95"]):
            mark += f'<path class="whisker" d="M{x:.1f} {y_of(one["low95"]):.1f}V{y_of(one["high95"]):.1f}"/>'
        mark += f'<rect class="hit" x="{x - wide / 2:.1f}" y="10" width="{wide:.1f}" height="{height - bottom - 10}"/>'
        parts.append(_linked(mark, one["title"], one["url"]))
    parts.append(f'<line class="zero" x1="{left}" x2="{width - 10}" y1="{y_of(0):.1f}" y2="{y_of(0):.1f}"/>')
    if unit:
        parts.append(f'<text x="{width - 10}" y="{height - 6}" text-anchor="end">{escape(unit)}</text>')
    return _svg(parts, width, height, label)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers that enclose [low, high], about `most` of them."""
    if not low < high:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [float(f"{n * step:.10g}") for n in range(first, last + 1)]


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _scale(low: float, high: float, start: float, end: float) -> Any:
    span = high - low or 1.0
    return lambda value: start + (value - low) / span * (end - start) if high > low else (start + end) / 2


def _grid(lines: Sequence[float], y_of: Any, left: float, width: float) -> str:
    return "".join(
        f'<line class="rule" x1="{left}" x2="{width - 10}" y1="{y_of(y):.1f}" y2="{y_of(y):.1f}"/>'
        f'<text x="{left - 6}" y="{y_of(y) + 4:.1f}" text-anchor="end">{y:g}</text>'
        for y in lines
    )


def _linked(mark: str, title: str, url: str) -> str:
    inside = f"<title>{escape(title)}</title>{mark}"
    return f'<a href="{escape(url, quote=True)}">{inside}</a>' if url else f"<g>{inside}</g>"


def _svg(parts: Sequence[str], width: int, height: int, label: str, kind: str = "chart") -> Markup:
    text = escape(label, quote=True)
    return Markup(
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{text}">{"".join(parts)}</svg>'
    )
