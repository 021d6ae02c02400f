"""One HTML page of film strips: everything inside the file, nothing fetched, readable without the pictures."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import cv2

from augury.inspect.panels import Panel, brief, panels
from augury.inspect.trace import Trace

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c1f24; --soft: #626a75; --card: #f5f6f8; --line: #d9dde3;
  --mark: #a34700; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171b; --ink: #e8eaed; --soft: #9aa3af; --card: #1d2126; --line: #333941; --mark: #ffb066; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem clamp(0.75rem, 3vw, 2rem); max-width: 84rem;
  background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.1rem; margin: 0; }
p { margin: .25rem 0; max-width: 46rem; }
article { margin: 1.25rem 0; padding: 1rem; border: 1px solid var(--line); border-radius: .75rem;
  background: var(--card); }
dl { display: flex; flex-wrap: wrap; gap: .1rem 1.25rem; margin: .25rem 0 .9rem; }
dl div { display: flex; gap: .4rem; }
dt, small, .values { color: var(--soft); }
dd { margin: 0; font-variant-numeric: tabular-nums; }
ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.4rem, 1fr)); gap: 1rem .75rem;
  margin: 0; padding: 0; list-style: none; }
li { max-width: 14rem; }
figure { margin: 0; }
img { display: block; width: 100%; height: auto; border-radius: .35rem; image-rendering: pixelated; }
figcaption { margin-top: .35rem; font-size: .82rem; line-height: 1.35; }
figcaption b { display: block; color: var(--mark); }
.values { display: block; }
table { display: block; overflow-x: auto; border-collapse: collapse; margin: .5rem 0 1rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .75rem .15rem 0; text-align: left; border-bottom: 1px solid var(--line); }
tr.best td { color: var(--mark); font-weight: 600; }
.input b { color: inherit; }
.out b { color: var(--soft); font-weight: 500; }
@media (max-width: 30rem) { article { padding: .75rem; } }
"""


_BETWEEN_WORDS = re.compile("(?<=[a-z])(?=[A-Z])")  # where a name like RandomGamma may break


def film_page(entries: Iterable[tuple[Mapping[str, Any], Trace]], title: str, intro: Sequence[str] = ()) -> str:
    """An HTML page with the film strip of every entry, in order.

    entries: (row, trace) pairs: a ledger's row, or any dict of facts to print, and the trace of its record.
    intro: paragraphs below the title. All text is escaped; pictures are PNGs inside the page.
    """
    return page(title, intro, "\n".join(_article(number, row, trace) for number, (row, trace) in enumerate(entries, 1)))


def page(title: str, intro: Sequence[str], body: str, style: str = "") -> str:
    """An HTML page around `body`, which is HTML; title and paragraphs are escaped. style: more rules for it."""
    lead = "\n".join(f"<p>{escape(text)}</p>" for text in intro)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>{_STYLE}{style}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{lead}
{body}
</body>
</html>
"""


# Columns that the strip itself shows, or that say nothing to a reader.
_LEFT_OUT = frozenset({"sample_id", "record", "applied", "params", "time", "pipeline"})


def _article(number: int, row: Mapping[str, Any], trace: Trace) -> str:
    facts = "".join(
        f"<div><dt>{escape(str(name))}</dt><dd>{escape(brief(value))}</dd></div>"
        for name, value in row.items()
        if name not in _LEFT_OUT and value is not None
    )
    parts = panels(trace)
    figures = "\n".join(_figure(panel, at == 0) for at, panel in enumerate(parts))
    name = f"{number}. sample {row['sample_id']}" if "sample_id" in row else f"{number}."
    return f"<article>\n<h2>{escape(name)}</h2>\n<dl>{facts}</dl>\n<ol>\n{figures}\n</ol>\n</article>"


def _figure(panel: Panel, first: bool) -> str:
    png = cv2.imencode(".png", panel.picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    data = base64.b64encode(png.tobytes()).decode()
    height, width = panel.picture.shape[:2]
    kind = "input" if first else "ran" if panel.ran else "out"
    values = "".join(f'<span class="values">{escape(line)}</span>' for line in panel.lines)
    took = f"<small>{panel.milliseconds:.2f} ms</small>" if panel.milliseconds is not None else ""
    alt = escape(
        f"the sample: {panel.text}" if first else f"after {panel.text}" if panel.ran else panel.text, quote=True
    )
    return (
        f'<li><figure class="{kind}">'
        f'<img alt="{alt}" width="{width}" height="{height}" src="data:image/png;base64,{data}">'
        f"<figcaption><b>{_BETWEEN_WORDS.sub('<wbr>', escape(panel.name))}</b>{values}{took}</figcaption></figure></li>"
    )
