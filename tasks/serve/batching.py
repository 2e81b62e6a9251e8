"""One thread that runs a model, and answers the requests of many together."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from tasks.models.prediction import Prediction, Predictor

__all__ = ["BusyError", "ModelThread"]

T = TypeVar("T")


class BusyError(RuntimeError):
    """Too many requests wait already."""


@dataclass(frozen=True)
class _Request:
    texts: tuple[str, ...]
    second: tuple[str, ...]
    future: Future[list[Prediction]] = field(default_factory=Future)


@dataclass(frozen=True)
class _Call:
    function: Callable[[], Any]
    future: Future[Any] = field(default_factory=Future)


class ModelThread:
    """The one thread in which a model runs, since neither model nor parser are made for several.

    What is asked within a short time is predicted in one batch.

    Args:
        predictor: The saved run.
        most: Texts of a batch, at which no further request is waited for.
        wait: How long further requests are waited for, in seconds.
        waiting: How many requests may wait.
    """

    def __init__(
        self, predictor: Predictor, most: int = 256, wait: float = 0.005, waiting: int = 256
    ) -> None:
        self.predictor = predictor
        self._most, self._wait = most, wait
        self._waiting: queue.Queue[_Request | _Call | None] = queue.Queue(waiting)
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    def predict(self, texts: Sequence[str], second: Sequence[str] = ()) -> Future[list[Prediction]]:
        """What :meth:`tasks.models.prediction.Predictor.predict` gives for the same texts.

        Args:
            texts: The texts.
            second: The second text of each, where the question is about pairs.

        Raises:
            BusyError: Too many requests wait already.
        """
        request = _Request(tuple(texts), tuple(second))
        self._put(request)
        return request.future

    def call(self, function: Callable[[], T]) -> Future[T]:
        """What a function returns that is called in this thread, such as one that explains.

        Args:
            function: The function.

        Raises:
            BusyError: Too many requests wait already.
        """
        call = _Call(function)
        self._put(call)
        return call.future

    def close(self) -> None:
        """Answer what waits, and end the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _put(self, asked: _Request | _Call) -> None:
        try:
            self._waiting.put_nowait(asked)
        except queue.Full:
            raise BusyError(
                f"{self._waiting.maxsize} requests wait already: ask again in a second"
            ) from None

    def _work(self) -> None:
        for asked in self._groups():
            if isinstance(asked, _Call):
                if asked.future.set_running_or_notify_cancel():
                    _settle(asked.future, asked.function)
            else:
                # Who has gone away meanwhile is not answered.
                self._answer([one for one in asked if one.future.set_running_or_notify_cancel()])

    def _groups(self) -> Iterator[list[_Request] | _Call]:
        """Requests that are answered together, and calls, in the order in which they came."""
        asked = self._waiting.get()
        while asked is not None:
            if isinstance(asked, _Call):
                yield asked
                asked = self._waiting.get()
                continue
            group, end = [asked], time.monotonic() + self._wait
            size = len(asked.texts)
            while True:
                try:
                    asked = self._waiting.get(timeout=max(0.0, end - time.monotonic()))
                except queue.Empty:
                    yield group
                    asked = self._waiting.get()
                    break
                if not isinstance(asked, _Request) or size + len(asked.texts) > self._most:
                    yield group
                    break
                group.append(asked)
                size += len(asked.texts)

    def _answer(self, group: Sequence[_Request]) -> None:
        pairs = self.predictor.question.reads == "pair"
        together = [one for one in group if len(one.second) == (len(one.texts) if pairs else 0)]
        alone = [one for one in group if one not in together]
        if len(together) > 1:
            try:
                found = iter(
                    self.predictor.predict(
                        [text for one in together for text in one.texts],
                        [text for one in together for text in one.second],
                    )
                )
            except Exception:
                # One of them is at fault: that one is told so, and the others are answered.
                alone += together
            else:
                for one in together:
                    one.future.set_result([next(found) for _ in one.texts])
        else:
            alone += together
        for one in alone:
            _settle(one.future, partial(self.predictor.predict, one.texts, one.second))


def _settle(future: Future[T], function: Callable[[], T]) -> None:
    """Give to a future what a function returns or raises."""
    try:
        result = function()
    except Exception as error:
        future.set_exception(error)
    else:
        future.set_result(result)
