"""The web app: pages as HTML, or as JSON for whoever asks for it, and the pictures on them.

A page that takes long is answered at once by a page that says so and asks again. Whatever goes wrong becomes a page
with one clear sentence.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from augury.errors import AuguryError, FieldError, RecordError, SampleError
from augury.explorer import charts
from augury.explorer.guard import Guard
from augury.explorer.pages import Given, compare, findings, one, pipeline, sample, transforms, worst
from augury.explorer.site import Site, find
from augury.explorer.study import Key, Study, plain

HERE = Path(__file__).parent
PAGES: tuple[Any, ...] = (worst, sample, transforms, findings, compare, pipeline)
PATIENCE = 0.6
"""Seconds after which a reader is told that a page is on its way."""


@cache
def templates() -> jinja2.Environment:
    """The templates; everything that they print is escaped."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    env.filters["number"] = number
    env.filters["tojson_text"] = lambda value: json.dumps(value, ensure_ascii=False)
    env.globals["charts"] = charts
    return env


def number(value: Any) -> str:
    """A number for reading; text stays as it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def application(
    study: Study,
    other: Study | None = None,
    *,
    host: str = "127.0.0.1",
    token: str = "",
    framed: bool = False,
    save: Path | None = None,
) -> Guard:
    """The explorer as an ASGI app."""
    site = Site(study, other, root=f"/{token}" if token else "", save=save)
    routes = [
        *(Route(page.PATH, _endpoint(site, page)) for page in PAGES),
        Route("/picture", _answer(site, _picture)),
        Route("/draw", _answer(site, _draw)),
        Route("/pipeline/change", _answer(site, _change)),
        Route("/pipeline/save", _save(site), methods=["POST"]),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]

    async def missing(request: Request, error: Exception) -> Response:
        return _failed(site, request, SampleError("there is no such page; the links above lead to all of them"), 404)

    return Guard(Starlette(routes=routes, exception_handlers={404: missing}), host=host, token=token, framed=framed)


def page_html(site: Site, page: Any, data: dict[str, Any], json_url: str = "") -> str:
    """A page as HTML."""
    template = templates().get_template(page.TEMPLATE)
    return template.render(site=site, page=page, pages=_menu(site), data=data, json_url=json_url)


def _menu(site: Site) -> list[dict[str, str]]:
    shown = [page for page in PAGES if page is not sample and (page is not compare or site.other is not None)]
    return [{"title": page.TITLE, "url": site.url(page.PATH), "path": page.PATH} for page in shown]


def _given(request: Request) -> Given:
    return {name: request.query_params.getlist(name) for name in request.query_params}


def _wants_json(request: Request) -> bool:
    accepts = request.headers.get("accept", "")
    return request.query_params.get("format") == "json" or (
        "application/json" in accepts and "text/html" not in accepts
    )


def _endpoint(site: Site, page: Any) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        given = _given(request)
        as_json = _wants_json(request)

        def work() -> Response:
            try:
                data = page.data(site, given)
                if as_json:
                    return JSONResponse(plain(data), headers={"cache-control": "no-store"})
                pairs = [(k, v) for k, v in request.query_params.multi_items() if k != "format"]
                return _html(page_html(site, page, data, site.url(page.PATH, [*pairs, ("format", "json")])))
            except Exception as error:
                return _failed(site, request, error)

        job = asyncio.ensure_future(run_in_threadpool(work))
        if as_json or "x-wait" in request.headers:
            return await job
        done, _ = await asyncio.wait({job}, timeout=PATIENCE)
        if done:
            return job.result()
        template = templates().get_template("wait.html")
        return _html(template.render(site=site, page=page, pages=_menu(site), json_url=""))

    return answer


def _html(text: str, status: int = 200) -> Response:
    return HTMLResponse(text, status, headers={"cache-control": "no-store"})


def _failed(site: Site, request: Request, error: Exception, status: int | None = None) -> Response:
    """A page, or JSON, with what went wrong in one sentence."""
    known = isinstance(error, (AuguryError, OSError, duckdb.Error))
    if not known:
        traceback.print_exception(error)
    text = (
        " ".join(str(error).split()) if known else f"this page failed, which is a bug: {type(error).__name__}: {error}"
    )
    if status is None:
        status = 400 if isinstance(error, (FieldError, RecordError)) else 404 if isinstance(error, SampleError) else 500
    if _wants_json(request):
        return JSONResponse({"error": text}, status)
    template = templates().get_template("error.html")
    page = next((one for one in PAGES if request.scope["path"] == one.PATH), worst)
    return _html(template.render(site=site, page=page, pages=_menu(site), text=text, json_url=""), status)


def _answer(site: Site, make: Callable[[Site, Given], Response]) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        def work() -> Response:
            try:
                return make(site, _given(request))
            except (AuguryError, OSError, duckdb.Error) as error:
                return JSONResponse({"error": " ".join(str(error).split())}, 422)

        return await run_in_threadpool(work)

    return answer


_EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'


def _picture(site: Site, given: Given) -> Response:
    """PNG of what a row's record makes of its sample, or SVG of the labels on it."""
    study = site.other if one(given, "run") == "b" and site.other is not None else site.study
    made = find(
        site.pictures(study), Key.read(given), tuple(given.get("edit", ())), one(given, "which", "seen"),
        one(given, "thumb") == "1",
    )  # fmt: skip
    return _image(made, one(given, "labels") == "1")


def _draw(site: Site, given: Given) -> Response:
    return _image(pipeline.draw(site, given), one(given, "labels") == "1")


def _image(made: Any, labels: bool) -> Response:
    headers = {"cache-control": "no-store"}
    if labels:
        return Response(made.overlay or _EMPTY, media_type="image/svg+xml", headers=headers)
    return Response(made.png, media_type="image/png", headers=headers)


def _change(site: Site, given: Given) -> Response:
    return RedirectResponse(site.url(pipeline.PATH, pipeline.changed(site, given)), 303)


def _save(site: Site) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        body = (await request.body())[: 1 << 20]
        try:
            where = await run_in_threadpool(pipeline.save, site, body.decode("latin-1"))
        except (AuguryError, OSError) as error:
            return JSONResponse({"error": " ".join(str(error).split())}, 422)
        return JSONResponse({"saved": where})

    return answer
