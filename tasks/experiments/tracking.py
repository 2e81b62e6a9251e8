"""The course of runs, logged to TensorBoard, Weights & Biases or MLflow by Accelerate's trackers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tasks.data.parsing import ParsedDataset
from tasks.options import OptionError
from tasks.results.run import Run, describe

__all__ = ["TRACKERS", "Tracked", "check_tracker", "tracked"]

TRACKERS = ("tensorboard", "wandb", "mlflow")
"""The packages that can be logged to; each is an extra."""

PROJECT = "structnn"
"""What the project, or the experiment, of all runs is called."""


def check_tracker(name: str | None) -> None:
    """Make sure that a tracker is known and installed.

    Raises:
        OptionError: It isn't.
    """
    if name is None:
        return
    if name not in TRACKERS:
        raise OptionError("track", f"must be one of {', '.join(TRACKERS)}, but is {name!r}")
    if find_spec(name) is None:
        raise OptionError("track", f"{name} needs an extra package: pip install 'structnn[{name}]'")


class Tracked:
    """What is logged of a run.

    The tracker is started by the first log, when Accelerate knows the device.

    Args:
        name: One of :data:`TRACKERS`; None to log nothing.
        out: The folder of the experiment. TensorBoard's logs go to its folder ``tensorboard``, those of
            Weights & Biases to ``wandb``; MLflow's go where it is told by its own settings.
        run: The run.
        data: All of its data.
    """

    def __init__(self, name: str | None, out: Path, run: Run, data: ParsedDataset) -> None:
        self._name, self._out, self._run, self._data = name, out, run, data
        self._tracker: Any = None

    def log(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Log numbers by their names.

        Args:
            values: The numbers.
            step: The epoch; None for what is known at the end.
        """
        if self._name is None or not values:
            return
        if self._tracker is None:
            self._tracker = self._start(self._name)
        self._tracker.log(dict(values), step=step)

    def finish(self) -> None:
        """Close the log."""
        if self._tracker is not None:
            self._tracker.finish()

    def _start(self, name: str) -> Any:
        from accelerate.tracking import LOGGER_TYPE_TO_CLASS

        kind, run_name = LOGGER_TYPE_TO_CLASS[name], self._run.folder.as_posix()
        if name == "tensorboard":
            tracker = kind(run_name, self._out / "tensorboard")
        elif name == "wandb":
            tracker = kind(PROJECT, name=run_name, group=str(self._out), dir=str(self._out))
        else:
            tracker = kind(PROJECT, run_name=run_name)
        if hasattr(tracker, "start"):  # earlier versions of Accelerate start it when it is made
            tracker.start()
        tracker.store_init_configuration(dict(_flat(describe(self._run, self._data))))
        return tracker


@contextmanager
def tracked(name: str | None, out: Path, run: Run, data: ParsedDataset) -> Iterator[Tracked]:
    """What is logged of a run: see :class:`Tracked`; it is closed in the end."""
    found = Tracked(name, out, run, data)
    try:
        yield found
    finally:
        found.finish()


def _flat(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Options by their names, those of a part behind the name of the part."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield (
                prefix + name,
                value if isinstance(value, bool | int | float | str) else str(value),
            )
