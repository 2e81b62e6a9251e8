"""One run: one encoder trained with one seed in one setting, its result in a folder of its own."""

from __future__ import annotations

import logging
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import torch

from structnn import (
    ENCODERS,
    UNIVERSAL_RELATIONS,
    Corpus,
    Sentence,
    SentenceClassifier,
    Vocabulary,
)
from structnn.embeddings.words import LEARNED_SCALE
from tasks.data.examples import DataError, Example
from tasks.data.options import ParserOptions
from tasks.data.parsing import ParsedDataset, tree_field
from tasks.data.setting import view
from tasks.models.model import SavedModel, build_model, count_parameters, make_corpus, save_model
from tasks.models.options import ModelOptions
from tasks.models.vectors import WordVectors, read_vectors, wordllama_vectors
from tasks.results.records import Prediction
from tasks.results.run import Run, RunResult, describe, finished, write_result
from tasks.storage import write_json, write_json_lines
from tasks.training.epoch import Epoch
from tasks.training.evaluation import NO_CLASS, node_accuracy, predict_scores
from tasks.training.loop import train

__all__ = ["execute", "given_vectors", "seconds_per_epoch"]


_TIMED_BATCHES = 6


def execute(
    run: Run,
    data: ParsedDataset,
    out: Path,
    *,
    parser: ParserOptions,
    given: WordVectors | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> RunResult:
    """Train, evaluate and save; a run that is done already is only read, a broken-off one goes on.

    The folder then holds ``run.json`` (what was asked), ``log.txt``, ``history.json`` (each epoch),
    ``model.json`` and ``weights.safetensors``, ``dev.jsonl`` and ``test.jsonl`` (every prediction),
    and ``result.json``, written last.

    Args:
        run: What to train.
        data: All of the parsed data; the run's setting says what it sees of them.
        out: The folder of the experiment.
        parser: How to make the parser again, saved with the model for new text.
        given: What :func:`given_vectors` gave, if it was called already.
        on_epoch: Called after each epoch.

    Raises:
        ValueError: The folder holds a run with other options or on other data.
        StorageError: The run was broken off, and its checkpoint can't be read.
    """
    done = finished(run, data, out)
    if done is not None:
        return done
    folder = out / run.folder
    write_json(folder / "run.json", describe(run, data))
    with _log(folder / "log.txt") as log:
        log.info("%s, seed %d, on %s", run.model.encoder, run.seed, data.dataset.name)
        given = given or given_vectors(run.model, data)
        data = view(data, run.setting, run.seed)
        if run.trial is not None:
            data = replace(data, dataset=data.dataset.without_test(), sentences=_without_test(data))

        model, saved, corpora, coverage = _prepare(run, data, given, parser)

        def report(epoch: Epoch) -> None:
            log.info(
                "epoch %d: train loss %.4f, dev loss %.4f, dev accuracy %.4f, %.1f s",
                *(
                    epoch.number,
                    epoch.train_loss,
                    epoch.dev_loss,
                    epoch.dev_accuracy,
                    epoch.seconds,
                ),
            )
            if on_epoch is not None:
                on_epoch(epoch)

        node_classes = None
        if run.training.supervise == "nodes":
            node_classes = _node_classes(model, data, saved.relations)
        checkpoint = folder / "checkpoint.safetensors"
        training = train(
            model,
            {split: corpora[split] for split in ("train", "dev")},
            {split: data.targets(split) for split in ("train", "dev")},
            run.training,
            seed=run.seed,
            checkpoint=checkpoint,
            node_classes=node_classes,
            on_epoch=report,
        )
        write_json(folder / "history.json", [asdict(epoch) for epoch in training.epochs])
        save_model(folder, saved)

        started = time.perf_counter()
        scores = {
            split: predict_scores(model, corpora[split]) for split in corpora if split != "train"
        }
        evaluated = sum(len(corpora[split]) for split in scores)
        speed = evaluated / (time.perf_counter() - started)
        accuracy = {
            split: _write_predictions(folder / f"{split}.jsonl", model, data, split, values)
            for split, values in scores.items()
        }
        result = RunResult(
            folder=run.folder,
            parameters=count_parameters(model),
            dev_accuracy=accuracy["dev"],
            test_accuracy=accuracy.get("test"),
            best_epoch=training.best.number,
            epochs=len(training.epochs),
            train_speed=training.sentences / training.seconds,
            inference_speed=speed,
            node_accuracy=None
            if node_classes is None
            else node_accuracy(
                model, corpora["test" if "test" in corpora else "dev"], node_classes
            ),
            words_with_vectors=coverage,
        )
        write_result(out, result)
        checkpoint.unlink(missing_ok=True)
        log.info("dev accuracy %.4f, test accuracy %s", result.dev_accuracy, result.test_accuracy)
    return result


def seconds_per_epoch(run: Run, data: ParsedDataset) -> float:
    """About how long an epoch of a run takes here, from a few batches of its data.

    Given vectors are not read for it: learned ones cost as much to train.
    """
    plain = replace(run.model, embedding="learned", vectors=None)
    run = replace(
        run,
        model=plain,
        training=replace(run.training, epochs=1, seconds=None, supervise="sentence"),
    )
    data = view(data, run.setting, run.seed)
    size = len(data.dataset.train)
    few = random.Random(0).sample(range(size), min(size, _TIMED_BATCHES * run.training.batch_size))
    sample = tuple(data.sentences["train"][place] for place in few)
    targets = data.targets("train")
    model, _, corpora, _ = _prepare(
        run, replace(data, sentences={"train": sample, "dev": sample}), None, ParserOptions()
    )
    with tempfile.TemporaryDirectory() as folder:
        result = train(
            model,
            corpora,
            {split: [targets[place] for place in few] for split in corpora},
            run.training,
            seed=0,
            checkpoint=Path(folder) / "checkpoint",
        )
    return result.seconds * size / len(few)


def _prepare(
    run: Run, data: ParsedDataset, given: WordVectors | None, parser: ParserOptions
) -> tuple[SentenceClassifier, SavedModel, dict[str, Corpus], float | None]:
    """A new model, how it will be saved, the corpora, and the share of words with given vectors."""
    torch.manual_seed(run.seed)
    vocabulary, vectors = _train_vocabulary(run.model, data), None
    if given is not None:
        vocabulary, vectors = _vectors_in_use(given, data)
    relations = _relations(data)
    options = _with_relations(run.model, relations)
    model = build_model(
        options, data.dataset.labels, vocabulary, None if vectors is None else vectors.vectors
    )
    corpora = {
        split: make_corpus(sentences, vocabulary, relations, data.structure, model.encoder.arity)
        for split, sentences in data.sentences.items()
        if sentences
    }
    saved = SavedModel(model, options, relations, data.structure, parser)
    return model, saved, corpora, None if vectors is None else vectors.coverage


def given_vectors(options: ModelOptions, data: ParsedDataset) -> WordVectors | None:
    """What a table of vectors knows of the words of the data; None if vectors are learned.

    Reading a table takes longer than many a run: runs that share one are given it.

    Raises:
        DataError: The table can't be read, or has none of the words.
    """
    if options.embedding == "learned":
        return None
    # A table knows words that train lacks; using it for dev and test words looks at no label.
    everything = (
        sentence.tokens for sentences in data.sentences.values() for sentence in sentences
    )
    words = Vocabulary.from_tokens(everything).words[1:]
    if options.embedding == "wordllama":
        found = wordllama_vectors(words)
    else:
        assert options.vectors is not None
        found = read_vectors(options.vectors, words)
    if not bool(found.found.any()):
        raise DataError(
            f"none of the {len(words)} words of {data.dataset.name} is in {found.source}"
        )
    return found


def _vectors_in_use(given: WordVectors, data: ParsedDataset) -> tuple[Vocabulary, WordVectors]:
    """The words that have a vector, counted in train, and the vectors in their order."""
    vocabulary, ordered = given.as_vocabulary(
        Vocabulary.from_tokens(sentence.tokens for sentence in data.sentences["train"])
    )
    # Tables differ in scale by an order of magnitude; gates that begin saturated learn nothing.
    scale = LEARNED_SCALE / ordered.vectors.std().clamp_min(1e-8)
    return vocabulary, replace(ordered, vectors=ordered.vectors * scale)


def _without_test(data: ParsedDataset) -> dict[str, tuple[Sentence, ...]]:
    return {**data.sentences, "test": ()}


def _train_vocabulary(options: ModelOptions, data: ParsedDataset) -> Vocabulary:
    return Vocabulary.from_tokens(
        (sentence.tokens for sentence in data.sentences["train"]),
        min_count=options.min_count,
        lowercase=options.lowercase,
    )


def _with_relations(options: ModelOptions, relations: Vocabulary) -> ModelOptions:
    """An encoder that reads labels, but was not told how many there are, is told now."""
    *others, (name, given) = ENCODERS.parse(options.encoder, ">")
    counting = [option for option in ENCODERS.options(name).values() if option.counts_labels]
    if relations is UNIVERSAL_RELATIONS or others or not any(o.default for o in counting):
        return options
    (option,) = counting
    if option.name in given or option.name in options.encoder_options:
        return options
    own = {**options.encoder_options, option.name: len(relations)}
    return replace(options, encoder_options=own)


def _relations(data: ParsedDataset) -> Vocabulary:
    if tree_field(data.structure) == "dependencies":
        return UNIVERSAL_RELATIONS
    trees = (sentence.constituency for sentence in data.sentences["train"])
    return Vocabulary(sorted({label for tree in trees if tree for label in tree.labels or ()}))


def _node_classes(
    model: SentenceClassifier, data: ParsedDataset, relations: Vocabulary
) -> torch.Tensor:
    """For each number of a tree label, the class that it stands for."""
    if not data.dataset.node_labels or data.structure != "constituency":
        raise ValueError(
            "--supervise nodes needs data whose trees are labelled throughout, with --structure "
            f"constituency; {data.dataset.name} with --structure {data.structure} has no such trees"
        )
    if not model.encoder.has_node_states:
        raise ValueError(
            "--supervise nodes needs an encoder with a state for each node of a tree; this one reads "
            "no tree. Train it with --supervise sentence"
        )
    stands_for = data.dataset.node_labels
    return torch.tensor(
        [
            model.labels.index(stands_for[label]) if label in stands_for else NO_CLASS
            for label in relations
        ]
    )


def _write_predictions(
    path: Path, model: SentenceClassifier, data: ParsedDataset, split: str, scores: torch.Tensor
) -> float:
    """Save every prediction of a split; returns the accuracy."""
    examples: tuple[Example, ...] = getattr(data.dataset, split)
    probabilities = scores.softmax(1)
    guesses = [model.labels[index] for index in scores.argmax(1).tolist()]
    rows = [
        Prediction(
            source=example.source,
            text=example.plain_text,
            label=example.label,
            prediction=guess,
            probabilities=dict(zip(model.labels, (round(value, 6) for value in row), strict=True)),
        )
        for example, guess, row in zip(examples, guesses, probabilities.tolist(), strict=True)
    ]
    write_json_lines(path, map(vars, rows))
    right = [example.label == guess for example, guess in zip(examples, guesses, strict=True)]
    return float(sum(right)) / len(right)


@contextmanager
def _log(path: Path) -> Iterator[logging.Logger]:
    """A log file of plain lines, each with its time; it grows when a run goes on."""
    logger = logging.Logger(path.name)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)
    try:
        yield logger
    except BaseException as error:
        logger.error("broken off: %r", error)
        raise
    finally:
        handler.close()
