"""One run: one encoder trained with one seed in one setting, its result in a folder of its own."""

from __future__ import annotations

import logging
import random
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

from structnn.folders import cache_folder
from tasks.data.examples import Example
from tasks.data.options import ParserOptions
from tasks.data.parsing import ParsedDataset
from tasks.data.setting import view
from tasks.experiments.fitting import FittedModel, fit, selecting_metric
from tasks.experiments.tracking import Tracked, tracked
from tasks.metrics import metrics_for
from tasks.models.building import count_parameters
from tasks.models.model import save_model
from tasks.models.preparation import prepare, pretrained_vectors
from tasks.models.vectors import WordVectors
from tasks.results.records import PredictedExample
from tasks.results.run import Run, RunResult, describe, finished, read_result, write_result
from tasks.sealing import write_sealed
from tasks.storage import StorageError, write_json, write_json_lines, write_text
from tasks.training.checkpoint import CHECKPOINT
from tasks.training.epoch import Epoch
from tasks.training.evaluation import Evaluation, evaluate, node_accuracy
from tasks.training.loop import train
from tasks.training.options import TrainingOptions
from tasks.training.processes import Processes

__all__ = ["already_finished", "execute", "seconds_per_epoch"]

T = TypeVar("T")

TIMED_BATCHES = 6


def already_finished(run: Run, data: ParsedDataset, out: Path) -> RunResult | None:
    """The result of a run that has one; what a command that was killed just behind it left goes.

    Raises:
        ValueError: The folder holds a run with other options or on other data.
        StorageError: A file in it is damaged.
    """
    result = finished(run, data, out)
    if result is not None:
        for name in ("error.txt", CHECKPOINT):
            with suppress(OSError):
                (out / run.folder / name).unlink(missing_ok=True)
    return result


def execute(
    run: Run,
    data: ParsedDataset,
    out: Path,
    *,
    parser: ParserOptions,
    pretrained: WordVectors | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    track: str | None = None,
) -> RunResult:
    """Train, evaluate and save. A finished run is only read, an interrupted one is resumed.

    The folder of the run then holds ``run.json`` (its options), ``log.txt``, ``history.json`` (each
    epoch), ``model.json`` and ``weights.safetensors``, ``dev.jsonl`` and ``test.jsonl`` (every
    prediction), and ``result.json``, written last, with the checksums of the others. If the run fails,
    ``error.txt`` says why, until the run succeeds.

    Where a launcher started several processes, each of them calls this with the same arguments, and the
    main one alone writes: see :func:`tasks.training.loop.train`.

    Args:
        run: The run.
        data: All of the parsed data; the run's setting says what it sees of them.
        out: The folder of the experiment.
        parser: The parser of the data, saved with the model for new text.
        pretrained: The word vectors that :func:`tasks.models.preparation.pretrained_vectors` gave, if it
            was called already.
        on_epoch: Called after each epoch.
        track: What the run is logged to: see :class:`tasks.experiments.tracking.Tracked`.

    Raises:
        ValueError: The folder holds a run with other options or on other data.
        StorageError: A file in it is damaged, or can't be written.
        FloatingPointError: The training diverged: see :func:`tasks.training.loop.train`.
    """
    processes = Processes(cpu=run.training.device == "cpu")
    done = already_finished(run, data, out)
    processes.wait()  # until all have looked
    if done is not None:
        return done
    folder = out / run.folder
    if processes.is_main:
        write_sealed(folder / "run.json", describe(run, data))
    else:
        track = None
    with (
        _recorded(folder if processes.is_main else None) as log,
        tracked(track, out, run, data) as tracker,
    ):
        log.info("%s, seed %d, on %s", run.model.encoder, run.seed, data.dataset.name)
        pretrained = pretrained or pretrained_vectors(run.model, data)
        data = view(data, run.setting, run.seed)
        if run.trial is not None:
            data = data.without_test()
        metric = selecting_metric(run.training, data.dataset)

        def report(epoch: Epoch) -> None:
            log.info(
                "epoch %(number)d: train loss %(train_loss).4f, dev loss %(dev_loss).4f, "
                f"dev {metric.name} %(dev_score).4f, %(seconds).1f s",
                vars(epoch),
            )
            losses = {"train_loss": epoch.train_loss, "dev_loss": epoch.dev_loss}
            dev = {f"dev_{metric.key}": metric.sign * epoch.dev_score}
            tracker.log(losses | dev, epoch.number)
            if on_epoch is not None:
                on_epoch(epoch)

        checkpoint = folder / CHECKPOINT
        fitted = fit(
            run.model,
            data,
            run.training,
            seed=run.seed,
            parser=parser,
            pretrained=pretrained,
            checkpoint=checkpoint,
            states=cache_folder() / "states",
            on_epoch=report,
        )
        if run.model.init is not None:
            known = fitted.prepared.words_with_vectors or 0.0
            log.info("began from %s, which knows %.1f%% of the words", run.model.init, 100 * known)
        found, speed = _evaluated(fitted, processes)
        if processes.is_main:
            with _alone(folder):
                # Another command may have finished the run: its files stay as its result lists them.
                if not (folder / "result.json").exists():
                    _save(out, run, data, fitted, found, speed, tracker)
            checkpoint.unlink(missing_ok=True)
        processes.wait()
        result = read_result(out, run.folder)
        first = metrics_for(data.dataset.question, data.dataset.labels)[0].name
        test = "none" if result.test_score is None else f"{result.test_score:.4f}"
        log.info("dev %s %.4f, test %s", first, result.dev_score, test)
    return result


def seconds_per_epoch(run: Run, data: ParsedDataset) -> float:
    """Estimate how long an epoch of a run takes on this machine, from a few batches of its data.

    Pretrained vectors are not read for it, nor states computed that are kept, since training with
    learned vectors takes as long.
    """
    embedding = "learned"
    if run.model.tune_embedding and run.model.parts.contextual:
        embedding = "+".join(f"hf:{name}" for name in run.model.parts.contextual)
    plain = replace(run.model, embedding=embedding, vectors=None, init=None)
    run = replace(
        run,
        model=plain,
        training=replace(
            run.training,
            epochs=1,
            seconds=None,
            supervise="sentence",
            # What would diverge takes as long, and is told when it is run.
            learning_rate=TrainingOptions.learning_rate,
            weight_decay=TrainingOptions.weight_decay,
        ),
    )
    data = view(data, run.setting, run.seed)
    size = len(data.dataset.train)
    few = random.Random(0).sample(range(size), min(size, TIMED_BATCHES * run.training.batch_size))

    def sampled(by_split: Mapping[str, Sequence[T]]) -> dict[str, tuple[T, ...]]:
        if not by_split:
            return {}
        return dict.fromkeys(("train", "dev"), tuple(by_split["train"][place] for place in few))

    answers = data.dataset.answers("train")
    prepared = prepare(
        run.model,
        replace(
            data,
            sentences=sampled(data.sentences),
            second=sampled(data.second),
            spans=sampled(data.spans),
        ),
        seed=run.seed,
        parser=ParserOptions(),
        pretrained=None,
    )
    with tempfile.TemporaryDirectory() as folder:
        result = train(
            prepared.model.classifier,
            prepared.inputs,
            {split: [answers[place] for place in few] for split in prepared.inputs},
            run.training,
            seed=0,
            checkpoint=Path(folder) / "checkpoint",
            metric=selecting_metric(run.training, data.dataset),
        )
    return result.seconds * size / len(few)


def _evaluated(fitted: FittedModel, processes: Processes) -> tuple[dict[str, Evaluation], float]:
    """What a trained model says of dev and test, and how many sentences a second it read."""
    model, inputs = fitted.prepared.model.classifier, fitted.prepared.inputs
    started = time.perf_counter()
    found = {
        split: evaluate(model, inputs[split], processes=processes)
        for split in inputs
        if split != "train"
    }
    evaluated = sum(len(inputs[split].corpus) for split in found)
    return found, evaluated / (time.perf_counter() - started)


def _save(
    out: Path,
    run: Run,
    data: ParsedDataset,
    fitted: FittedModel,
    found: Mapping[str, Evaluation],
    speed: float,
    tracker: Tracked,
) -> None:
    """Write all files of a run, and log its scores.

    Args:
        out: The folder of the experiment.
        run: The run.
        data: The data that it saw.
        fitted: Its model.
        found: What the model says of dev and test.
        speed: How many sentences a second it read.
        tracker: What it is logged to.
    """
    folder = out / run.folder
    prepared, training, node_classes = fitted.prepared, fitted.training, fitted.node_classes
    model, inputs = prepared.model.classifier, prepared.inputs
    write_json(folder / "history.json", [asdict(epoch) for epoch in training.epochs])
    save_model(folder, prepared.model)
    scores = {
        split: _write_predictions(folder / f"{split}.jsonl", data, split, of_split)
        for split, of_split in found.items()
    }
    metrics = metrics_for(data.dataset.question, data.dataset.labels)
    tracker.log(
        {
            f"{split}_{metric.key}": metric(data.dataset.answers(split), of_split.answers)
            for split, of_split in found.items()
            if split == "test"
            for metric in metrics
        }
    )
    of_nodes = None
    if node_classes is not None:
        of_nodes = node_accuracy(
            model, inputs["test" if "test" in inputs else "dev"].corpus, node_classes
        )
    result = RunResult(
        folder=run.folder,
        parameters=count_parameters(model),
        dev_score=scores["dev"],
        test_score=scores.get("test"),
        best_epoch=training.best.number,
        epochs=len(training.epochs),
        train_speed=training.sentences / training.seconds,
        inference_speed=speed,
        node_accuracy=of_nodes,
        words_with_vectors=prepared.words_with_vectors,
    )
    write_result(out, result)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process writes the results of the same run, where files can be locked."""
    with (folder / "log.txt").open("a", encoding="utf-8") as file:
        with suppress(ImportError, OSError):  # Windows; some network file systems
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)  # ends with the process, if it is killed
        yield


def _write_predictions(path: Path, data: ParsedDataset, split: str, found: Evaluation) -> float:
    """Save every prediction of a split; returns the first metric of the question."""
    examples: tuple[Example, ...] = getattr(data.dataset, split)
    part = data.dataset.question.part
    rows = (
        PredictedExample(
            source=example.source,
            text=example.shown,
            label=example.label,
            prediction=guess,
            probabilities={label: round(share, 6) for label, share in shares.items()},
            tokens=sentence.tokens if part == "token" else None,
            nodes=len(data.dataset.question.parts_of(example.label)) if part == "node" else None,
            is_sequence=data.dataset.question.is_sequence or None,
        )
        for example, sentence, guess, shares in zip(
            examples, data.sentences[split], found.answers, found.probabilities, strict=True
        )
    )
    write_json_lines(path, (_record(row) for row in rows))
    metric = metrics_for(data.dataset.question, data.dataset.labels)[0]
    return metric(data.dataset.answers(split), found.answers)


def _record(row: PredictedExample) -> dict[str, object]:
    """What the file has of a prediction: tokens only where each has an answer."""
    return {name: value for name, value in vars(row).items() if value is not None}


@contextmanager
def _recorded(folder: Path | None) -> Iterator[logging.Logger]:
    """A log of lines with their time, to which a resumed run adds; on an error, ``error.txt``.

    Args:
        folder: That of the run; None to write nothing.
    """
    if folder is None:
        yield logging.Logger("silent")
        return
    logger = logging.Logger(folder.name)
    handler = _Quiet(folder / "log.txt", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)
    try:
        yield logger
        (folder / "error.txt").unlink(missing_ok=True)
    except BaseException as error:
        logger.error("interrupted: %r", error)
        if isinstance(error, Exception):
            with suppress(StorageError):  # which would hide the error
                write_text(folder / "error.txt", traceback.format_exc())
        raise
    finally:
        with suppress(OSError):
            handler.close()


class _Quiet(logging.FileHandler):
    """Where a full disk takes no line of a log, what fails of the run itself is told."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing."""
