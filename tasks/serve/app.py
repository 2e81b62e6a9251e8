"""The addresses of the service, and what each of them answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from structnn import __version__
from tasks.explain import explain
from tasks.explain.report import numbers
from tasks.models.prediction import Prediction, Predictor
from tasks.serve.batching import BusyError, ModelThread
from tasks.serve.limits import Limits, TooLargeError
from tasks.serve.views import Shown, page, show

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from fastapi.responses import Response

__all__ = ["make_app"]

_REFUSALS = {
    411: "The request doesn't say how long it is",
    413: "Too many or too long texts",
    422: "Texts that can't be answered",
    503: "Too many requests wait already",
}

# The page asks this service alone, and runs its own script alone.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Asked:
    """What a request has; a field of another name is refused, since it would be misspelt."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True)
class Texts(Asked):
    """Texts to predict.

    Attributes:
        texts: The texts; spans stand between ``[[`` and ``]]``.
        second: The second text of each, where the question is about pairs.
    """

    texts: list[str]
    second: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class OneText(Asked):
    """A text to show.

    Attributes:
        text: The text; spans stand between ``[[`` and ``]]``.
        second: The second text, where the question is about pairs.
    """

    text: str
    second: str | None = None


@dataclass(frozen=True)
class ToExplain(OneText):
    """A text to explain.

    Attributes:
        label: The label or tag to explain; by default the most probable one.
        token: Where tokens have answers, the one to explain: its number, from 1, or the word; by default
            the one whose answer is the least certain.
    """

    label: str | None = None
    token: int | str | None = None


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered.

    Attributes:
        detail: What is wrong, and how to mend it.
    """

    detail: str


@dataclass(frozen=True)
class Health:
    """What runs here.

    Attributes:
        run: The folder of the run.
        encoder: Its encoder.
        structure: What it was trained on.
        question: What it answers, in words.
        labels: Its labels; none where the answer is a number.
        version: That of structnn.
        status: ``"ok"``.
    """

    run: str
    encoder: str
    structure: str
    question: str
    labels: list[str]
    version: str
    status: str = "ok"


def make_app(predictor: Predictor, limits: Limits | None = None) -> FastAPI:
    """The service of a saved run, for any ASGI server.

    Args:
        predictor: The saved run.
        limits: How much a request may ask.

    Raises:
        ImportError: The extra ``serve`` is not installed.
    """
    from fastapi import FastAPI

    limits = limits or Limits()
    model = ModelThread(predictor, limits.texts, waiting=limits.waiting)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with suppress(asyncio.CancelledError):  # where the server ends without waiting
            yield
        await asyncio.to_thread(model.close)

    # The pages of documentation that come with FastAPI load their scripts from the network.
    app = FastAPI(
        title="structnn", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    _add_refusals(app, limits)
    _add_answers(app, predictor, model, limits)
    return app


def _add_refusals(app: FastAPI, limits: Limits) -> None:
    """What is answered to a request that is too large, malformed or in vain."""
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException

    def refused(status: int, message: str) -> Response:
        headers = {"Retry-After": "1"} if status == 503 else None
        return JSONResponse({"detail": message}, status, headers)

    async def limited(request: Request, following: Callable[[Request], Any]) -> Response:
        size = request.headers.get("content-length")
        if request.method == "POST":
            if size is None or not size.isdecimal():
                return refused(411, "give the header Content-Length: the bytes of the request")
            if int(size) > limits.body:
                return refused(
                    413,
                    f"the request has {int(size):,} bytes, and may have {limits.body:,}: divide its "
                    "texts among several requests",
                )
        try:
            response: Response = await following(request)
        except asyncio.CancelledError:  # the server ends without waiting for answers
            return refused(503, "the service ended before there was an answer")
        return response

    async def malformed(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return refused(422, "; ".join(map(_fault, error.errors())))

    async def elsewhere(asked: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 400:  # a body that can't be decoded, or is nested too deeply
            return refused(422, "the request can't be read: send a JSON object, in UTF-8")
        message = (
            f"there is no {asked.method} {asked.url.path} here: ask POST /predict, POST /explain or "
            "GET /health; GET / is a page for browsers"
        )
        return JSONResponse({"detail": message}, error.status_code, error.headers)

    async def told(status: int, _: Request, error: Exception) -> Response:
        return refused(status, str(error))

    app.middleware("http")(limited)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, elsewhere)
    for kind, status in ((ValueError, 422), (TooLargeError, 413), (BusyError, 503)):
        app.add_exception_handler(kind, partial(told, status))


def _add_answers(app: FastAPI, predictor: Predictor, model: ModelThread, limits: Limits) -> None:
    """What is answered at each address."""
    from fastapi.responses import HTMLResponse

    async def predict(asked: Texts) -> list[Prediction]:
        """The answer for each text, in order."""
        limits.check(asked.texts, asked.second)
        return await asyncio.wrap_future(model.predict(asked.texts, asked.second))

    async def explained(asked: ToExplain) -> dict[str, Any]:
        """All numbers of an explanation."""
        limits.check([asked.text], [] if asked.second is None else [asked.second])

        def answer() -> dict[str, Any]:
            return numbers(
                explain(
                    predictor,
                    asked.text,
                    second=asked.second,
                    label=asked.label,
                    token=asked.token,
                )
            )

        return await asyncio.wrap_future(model.call(answer))

    async def shown(asked: OneText) -> Shown:
        limits.check([asked.text], [] if asked.second is None else [asked.second])
        return await asyncio.wrap_future(
            model.call(lambda: show(predictor, asked.text, asked.second))
        )

    async def health() -> Health:
        """What runs here."""
        own = predictor.model
        return Health(
            run=str(predictor.run),
            encoder=own.options.encoder,
            structure=own.structure,
            question=predictor.question.in_words(own.classifier.labels),
            labels=list(own.classifier.labels),
            version=__version__,
        )

    content = page(predictor)

    async def index() -> Response:
        return HTMLResponse(content, headers={"Content-Security-Policy": _POLICY})

    refusals: dict[int | str, dict[str, Any]] = {
        status: {"model": Refusal, "description": reason} for status, reason in _REFUSALS.items()
    }
    app.add_api_route(
        "/predict",
        predict,
        methods=["POST"],
        responses=refusals,
        response_model_exclude_none=True,
    )
    app.add_api_route("/explain", explained, methods=["POST"], responses=refusals)
    app.add_api_route("/health", health, methods=["GET"])
    app.add_api_route("/health", health, methods=["HEAD"], include_in_schema=False)
    app.add_api_route("/show", shown, methods=["POST"], include_in_schema=False)
    app.add_api_route(
        "/", index, methods=["GET", "HEAD"], include_in_schema=False, response_model=None
    )


def _fault(error: dict[str, Any]) -> str:
    """A fault of a request's JSON in words; it does not repeat what was given."""
    if error["type"] == "json_invalid":
        return f"the request is not JSON: {error['ctx']['error']} at character {error['loc'][-1]}"
    if error["loc"] == ("body",):
        return "send a JSON object, with the header Content-Type: application/json"
    where = ".".join(str(part) for part in error["loc"] if part != "body") or "the request"
    if error["type"] == "unexpected_keyword_argument":
        return f"{where}: there is no such field; GET /openapi.json says which there are"
    return f"{where}: {error['msg']}"
