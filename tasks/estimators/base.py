"""What all estimators share: options, training, new texts, saving."""

from __future__ import annotations

import logging
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import KW_ONLY, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from parsers.cache import Progress
from structnn import Answer, Encoder, Head, Sentence
from tasks.console import progress, status
from tasks.data.examples import DataError, Example, quote
from tasks.data.options import DataOptions, ParserOptions
from tasks.data.parsing import with_sentences
from tasks.data.questions import Answers, Question, Reads
from tasks.data.setting import Setting, view
from tasks.data.structures import needs_parser
from tasks.estimators.answers import OfClasses, Values, numbers_in
from tasks.estimators.asked import Part, asked_data, part_of
from tasks.estimators.columns import Column, Row, examples_of, of_python
from tasks.estimators.reading import (
    caching_parser,
    read,
    states_beside,
    structured,
    texts_to_parse,
)
from tasks.estimators.saving import StoredEstimator, read_estimator, write_estimator
from tasks.experiments.fitting import fit, selecting_metric
from tasks.experiments.grid import encoder_of
from tasks.models.devices import device_of
from tasks.models.hub import HUB, fetched, upload
from tasks.models.model import SavedModel
from tasks.models.options import ModelOptions, ModelSettings, with_vectors
from tasks.models.prediction import Predictor
from tasks.models.preparation import pretrained_vectors
from tasks.options import OptionError
from tasks.results.card import estimator_for, write_card
from tasks.training.checkpoint import CHECKPOINT
from tasks.training.epoch import Epoch
from tasks.training.evaluation import evaluate, predict_scores, sentence_vectors
from tasks.training.inputs import Inputs
from tasks.training.loop import TrainingResult
from tasks.training.options import TrainingOptions

if TYPE_CHECKING:
    from tasks.explain import Explanation

__all__ = ["StructuredEstimator", "tags_of_texts"]

logger = logging.getLogger("tasks.estimators")


@dataclass(eq=False, repr=False)
class StructuredEstimator(BaseEstimator, ABC):
    r"""An encoder and a head, trained on what is asked about and its answers.

    It is the model that ``structnn train`` trains, made and trained by the same code: the same options,
    data and seed give the same model. A part of the training examples is held out as dev set, on
    which the best epoch is chosen.

    A text is a string, a sequence of tokens, or a :class:`~structnn.Sentence`. Strings are parsed by
    Stanza; tokens are kept one for one, and parsed where the encoder reads trees; a sentence keeps its
    own tree, and is parsed where it has none. Many texts are a list, a NumPy array, or a column of
    pandas or Arrow. Where a question is about more than a text, it is rows with columns (dicts, a dict
    of columns, a table of pandas, polars, Arrow or Hugging Face): ``text`` and ``text2``, or ``text``
    and ``target``, say what is asked, as they do in a file for the command. Pairs may be tuples too,
    and spans be marked as in ``"The [[food]] was good"``. Without ``y`` the answers are a column.

    Files that stay are written by :meth:`save` alone, and by ``cache``. All else (parses, states of
    contextual models, the state of training) is in a temporary folder.

    Args:
        encoder: Name of an encoder, with options if wanted (``"gat(heads=8)"``), or of several joined
            by ``>``: see ``structnn encoders``.
        embedding: Word vectors, as for ``--embedding``: ``"learned"``, ``"vectors:FILE"``,
            ``"wordllama"``, ``"hf:NAME"`` (a contextual model of Hugging Face, by its name or
            folder), or several side by side, as ``"learned+hf:NAME"``. By default those of the file
            ``vectors`` if there is one, else learned.
        init: Folder of a language model (``structnn pretrain``) from which word vectors and encoder
            begin; None to draw all weights.
        structure: What tree and graph encoders read, as for ``--structure``: ``"parse"``; what
            sentences bring along: ``"given"`` (dependencies), ``"constituency"``, ``"enhanced"`` or
            ``"graph"``; a control structure such as ``"random"``; or, for questions about spans,
            ``"rerooted"``, and about two, ``"path"``.
        encoder_options: Options of the encoder, by name.
        hidden_dim: Width of the encoder's hidden states.
        embedding_dim: Width of learned word vectors.
        vectors: Text file of word vectors (GloVe, word2vec, fastText).
        freeze: Keep pretrained word vectors fixed.
        dropout: Dropout rate of word vectors and of the sentence vector.
        word_dropout: Strength of word dropout: see :class:`structnn.WordEmbedding`.
        lowercase: Learned word vectors ignore case.
        tune_embedding: Train contextual models too.
        contextual_layer: Layer of contextual models: ``"last"``, a number, or ``"mix"``.
        reader: What the head reads; by default the sentence vector.
        head_dim: Width of a hidden layer before the scores; 0 for none.
        head_activation: Activation of that layer.
        min_count: Words that occur less often in train are the unknown word.
        epochs: Maximum number of epochs.
        patience: Early stopping: epochs without a better dev metric.
        batch_size: Examples per batch.
        learning_rate: Learning rate of AdamW.
        embedding_learning_rate: Learning rate of contextual models that are trained.
        embedding_weight_decay: Weight decay of contextual models that are trained.
        embedding_warm_up: Updates over which their learning rate rises from 0.
        weight_decay: Weight decay of AdamW.
        gradient_clip: Maximum norm of the gradient.
        device: Where to train, and where a loaded estimator computes: ``"auto"`` (a GPU if there is
            one) or ``"cpu"``.
        mixed_precision: ``"no"``, ``"bf16"`` or ``"fp16"``.
        select: Metric of dev that selects the epoch; by default the first one of the question.
        seconds: Stop after so many seconds of training; None for no limit.
        dev_fraction: Fraction of the training examples to hold out as dev set, stratified by class
            where each has one, with repeated texts kept together.
        split_seed: Random seed of what is held out.
        text_column: The column of the text, where rows have columns.
        label_column: The column of the answer, where that is in the rows.
        language: Language of the texts.
        package: Stanza's package; by default the English one that ships with structnn.
        model_dir: Folder of Stanza models.
        split_sentences: Split a text into sentences, whose trees are joined under one root.
        parser: Folder of a run that was trained to parse, in place of Stanza's parsers.
        cache: File that keeps parses, as for ``--cache``; a folder ``states`` beside it keeps what
            frozen contextual models compute.
        random_state: Random seed of weights, dropout and the order of the examples. As in scikit-learn,
            None or a ``numpy.random.RandomState`` draws one in each :meth:`fit`.
        warm_start: Go on from the model of the last :meth:`fit`, with its words and answers.
        verbose: 0, or 1 to print a line for each epoch. Each epoch is logged either way.

    Attributes:
        model_: The trained model, with all that is needed to use it on new text.
        training_: The record of its training, with each epoch.
        n_iter_: The number of epochs.
    """

    encoder: str = "child_sum_tree_lstm"
    _: KW_ONLY
    embedding: str | None = None
    init: str | None = None
    structure: str = "parse"
    encoder_options: Mapping[str, object] | None = None
    hidden_dim: int = ModelSettings.hidden_dim
    embedding_dim: int = ModelSettings.embedding_dim
    vectors: str | None = ModelSettings.vectors
    freeze: bool = ModelSettings.freeze
    dropout: float = ModelSettings.dropout
    word_dropout: float = ModelSettings.word_dropout
    lowercase: bool = ModelSettings.lowercase
    tune_embedding: bool = ModelSettings.tune_embedding
    contextual_layer: str = ModelSettings.contextual_layer
    reader: str | None = ModelSettings.reader
    head_dim: int = ModelSettings.head_dim
    head_activation: Literal["relu", "sigmoid", "tanh"] = ModelSettings.head_activation
    min_count: int = ModelSettings.min_count
    epochs: int = TrainingOptions.epochs
    patience: int = TrainingOptions.patience
    batch_size: int = TrainingOptions.batch_size
    learning_rate: float = TrainingOptions.learning_rate
    embedding_learning_rate: float = TrainingOptions.embedding_learning_rate
    embedding_weight_decay: float = TrainingOptions.embedding_weight_decay
    embedding_warm_up: int = TrainingOptions.embedding_warm_up
    weight_decay: float = TrainingOptions.weight_decay
    gradient_clip: float = TrainingOptions.gradient_clip
    device: Literal["auto", "cpu"] = TrainingOptions.device
    mixed_precision: Literal["no", "bf16", "fp16"] = TrainingOptions.mixed_precision
    select: str | None = TrainingOptions.select
    seconds: float | None = TrainingOptions.seconds
    dev_fraction: float = DataOptions.dev_fraction
    split_seed: int = DataOptions.split_seed
    text_column: str = DataOptions.text_column
    label_column: str = DataOptions.label_column
    language: str = ParserOptions.language
    package: str | None = ParserOptions.package
    model_dir: str | None = ParserOptions.model_dir
    split_sentences: bool = ParserOptions.split_sentences
    parser: str | None = ParserOptions.parser
    cache: str | Path | None = None
    random_state: int | np.random.RandomState | None = 0
    warm_start: bool = False
    verbose: int = 0

    _values_kind: ClassVar[type[Values]]

    @classmethod
    @abstractmethod
    def _answered(cls, question: Question) -> bool:
        """Whether such estimators answer such a question."""

    def _kind_of_values(
        self, rows: Sequence[Row], y: Column, options: DataOptions
    ) -> type[Values] | Values:
        """What answers are: see :func:`tasks.estimators.asked.asked_data`."""
        return self._values_kind

    def _asked(self) -> tuple[str | None, str | None]:
        """What the question is about and how it is answered, as far as parameters say it."""
        return None, None

    def fit(
        self,
        X: Column,
        y: Column | None = None,
        sample_weight: Column | None = None,
        *,
        dev: tuple[Column, Column | None] | None = None,
    ) -> Self:
        """Train on what is asked about and its answers.

        Args:
            X: What is asked about, or rows with columns.
            y: The answer to each; None if they are in ``X``.
            sample_weight: ``(examples,)``, the weight of each in the loss, or of the tokens or nodes of
                each; equal by default. The dev set has no weights.
            dev: Examples and answers to choose the best epoch on, in place of a part of ``X``.

        Returns:
            This estimator.

        Raises:
            ValueError: A text or an option can't be used; the message says which, why, and how to mend
                it. Or training diverged.
        """
        parameters, training, parser = self._options()
        seed = _seed(self.random_state)
        start = self._start(parameters)
        parts = {"train": Part(X, y, ("X", "y"))}
        if dev is not None:
            parts["dev"] = part_of(dev, "dev")
        options = self._data_options()
        asked = asked_data("X", parts, options, self._values_of, tested=False)
        dataset = asked.dataset
        if start is not None and dataset.question != start.task.question:
            raise DataError(
                f"X asks {dataset.question.in_words(dataset.labels)}, which is another question than "
                "that of the model that warm_start goes on from; set warm_start=False for a new one"
            )
        weights = None
        if sample_weight is not None:
            given = numbers_in(sample_weight, len(asked.given), "sample_weight")
            of_example = {id(one): weight for one, weight in zip(asked.given, given, strict=True)}
            weights = [of_example[id(example)] for example in dataset.train]
        encoder = encoder_of(parameters, dataset.question)
        needs_tree = _needs_tree(encoder, self.structure, dataset.question)
        both = (*dataset.train, *dataset.dev)
        with self._read(both, self.structure, parser, needs_tree=needs_tree) as (first, second):
            data = with_sentences(dataset, first, second, parser=None)
        data = view(data, Setting(structure=self.structure))
        with tempfile.TemporaryDirectory() as folder, _same_random_numbers():
            fitted = fit(
                parameters,
                data,
                training,
                seed=seed,
                parser=parser,
                pretrained=None if start else pretrained_vectors(parameters, data),
                checkpoint=Path(folder) / CHECKPOINT,
                states=states_beside(self._cache_file),
                start=start,
                weights=weights,
                class_weights=self._class_weights(asked.values),
                on_epoch=self._report(selecting_metric(training, dataset).name),
            )
        self._set_values(asked.values)
        self.model_: SavedModel = fitted.prepared.model
        self.training_: TrainingResult = fitted.training
        self.n_iter_ = len(fitted.training.epochs)
        metric, best = selecting_metric(training, dataset), fitted.training.best
        self._figures: Mapping[str, float] = {
            "training examples": len(dataset.train),
            "dev examples": len(dataset.dev),
            f"dev {metric.name}": round(metric.sign * best.dev_score, 4),
            "epochs": self.n_iter_,
            "best epoch": best.number,
        }
        return self

    def _answers(self, X: Column) -> Any:
        """The answers to new questions, as Python has them."""
        check_is_fitted(self, "model_")
        inputs = self._inputs(X)
        found = evaluate(self.model_.classifier, inputs).answers if len(inputs) else []
        return self._values.given_back(found)

    def _scores(self, X: Column) -> tuple[Tensor, Answer]:
        """The scores of new questions, ``(rows, width)``, in double precision, and what they mean."""
        check_is_fitted(self, "model_")
        inputs = self._inputs(X)
        head = self.model_.classifier.head
        assert isinstance(head, Head)
        if not len(inputs):
            return torch.zeros(0, head.answer.width, dtype=torch.float64), head.answer
        return predict_scores(self.model_.classifier, inputs).double(), head.answer

    def encode(self, X: Column) -> NDArray[np.float32]:
        """The vectors that the head reads, ``(examples, width)``: of sentences, pairs or spans.

        Raises:
            ValueError: The head reads tokens, which have a vector each.
        """
        check_is_fitted(self, "model_")
        self._check_has_vectors()
        return sentence_vectors(self.model_.classifier, self._inputs(X))

    def explain(
        self,
        text: str,
        *,
        second: str | None = None,
        label: object | None = None,
        token: int | str | None = None,
    ) -> Explanation:
        """Why a text is answered as it is: attributions, deletions, attention and gates.

        Args:
            text: A text; spans that are asked about stand between ``[[`` and ``]]``.
            second: The second text, where the question is about pairs.
            label: The class or tag to explain, as it was given or as a string; by default the most
                probable one.
            token: Where tokens have answers, the one to explain: its number, from 1, or the word.

        Returns:
            What a notebook shows as a page, and :func:`tasks.explain.save` writes to files.

        Raises:
            ValueError: A text is empty or too long, the model can't read raw text, does not know the
                label, or is not asked about such texts.
        """
        check_is_fitted(self, "model_")
        from tasks.explain import explain  # captum takes long to import

        parser = caching_parser(self.model_.parser, self._cache_file)
        predictor = Predictor(self.model_, parser)
        name = None if label is None else str(label)
        if label is not None and isinstance(self._values, OfClasses):
            (name,) = self._values.named([label])
        return explain(predictor, text, second=second, label=name, token=token)

    def save(self, folder: str | Path) -> Path:
        """Write the model, with a model card, to a folder that :meth:`load` and the command read.

        Args:
            folder: The folder; made if it isn't there. An estimator that was saved in it is replaced.

        Returns:
            The folder.

        Raises:
            StorageError: The folder holds a run of an experiment, or can't be written.
            ValueError: A class can't be written as JSON.
        """
        check_is_fitted(self, "model_")
        folder = Path(folder)
        parameters = self.get_params(deep=False)
        stored = StoredEstimator(self.model_, self._values, parameters, self._figures)
        write_estimator(folder, type(self).__name__, stored)
        write_card(folder, figures=self._figures)
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read an estimator that :meth:`save` wrote, or the model of a run of ``structnn``.

        Args:
            folder: The folder. Of a run, classes are strings.

        Raises:
            StorageError: There is no model in it, a file is damaged, or files don't belong together.
            DataError: The model answers other questions than such an estimator does.
        """
        model, values, parameters, figures = read_estimator(Path(folder))
        question = model.task.question
        if not cls._answered(question):
            raise DataError(
                f"{folder} answers questions of another kind: "
                f"{question.in_words(model.classifier.labels)}. A {cls.__name__} doesn't; take a "
                f"{estimator_for(question)}; structnn predict gives such answers too"
            )
        known = cls._get_param_names()
        # Of a run there are options too that only other questions have.
        made = cls(**{name: value for name, value in parameters.items() if name in known})
        made.model_, made._figures = model.to(device_of(made.device)), figures
        made._set_values(values)
        return made

    def push_to_hub(self, repository: str, *, private: bool | None = None) -> str:
        """Upload the model, with a card that holds its figures, to the hub of Hugging Face.

        Args:
            repository: ``OWNER/NAME``; it is made if it isn't there.
            private: Whether others may not see a repository that is made; None for what is usual there.

        Returns:
            The address of the model.

        Raises:
            StorageError: There is no login or no network, or the hub refuses it.
            ValueError: A class can't be written as JSON.
        """
        with tempfile.TemporaryDirectory() as folder:
            saved = self.save(folder)
            write_card(saved, repository, self._figures)
            return upload(saved, repository, private=private)

    @classmethod
    def from_pretrained(cls, name: str | Path, *, revision: str | None = None) -> Self:
        """Read an estimator from the hub of Hugging Face, or from a folder.

        Args:
            name: ``OWNER/NAME``, as it was given to :meth:`push_to_hub`, or a folder.
            revision: A branch, tag or commit of the hub.

        Raises:
            StorageError: The model can't be had, or there is none in the folder.
            DataError: The model answers other questions than such an estimator does.
        """
        if Path(name).is_dir():
            return cls.load(name)
        spec = f"{HUB}{str(name).removeprefix(HUB)}"
        return cls.load(fetched(spec if revision is None else f"{spec}@{revision}"))

    def __sklearn_tags__(self) -> Any:
        return tags_of_texts(super().__sklearn_tags__())

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def _check_has_vectors(self) -> None:
        """Make sure that heads of such estimators read one vector of an example.

        Raises:
            ValueError: They read tokens, which have a vector each.
        """
        reads, answer = self._asked()
        question = _question_of(reads, answer)
        if question.has_parts or question.is_sequence:
            raise ValueError("the head reads a vector for each token, and none for a whole text")

    def _set_values(self, values: Values) -> None:
        """Remember what answers are."""
        self._values = values

    def _values_of(
        self, rows: Sequence[Row], y: Column, options: DataOptions
    ) -> type[Values] | Values:
        """The same, of a question that such an estimator answers."""
        question = _question_of(options.reads, options.answer)
        if not self._answered(question):
            raise DataError(
                f"the question reads {question.reads}, and its answer is a {question.answer}, which a "
                f"{type(self).__name__} doesn't give; take a {estimator_for(question)}"
            )
        if self.warm_start and hasattr(self, "model_"):
            return self._known_values(y)
        return self._kind_of_values(rows, y, options)

    def _known_values(self, y: Column) -> Values:
        """The answers of the model that training goes on from."""
        known = self._values
        if not isinstance(known, OfClasses):
            return known
        found = type(known).of([known.read(y, "y")]).classes.tolist()
        if new := sorted(set(known.named(found)) - set(known.labels)):
            raise DataError(
                f"y has classes that the model does not have: {quote(new)}; set warm_start=False to "
                "train a new one"
            )
        return known

    def _data_options(self) -> DataOptions:
        reads, answer = self._asked()
        return DataOptions(
            dev_fraction=of_python(self.dev_fraction),
            split_seed=of_python(self.split_seed),
            text_column=self.text_column,
            label_column=self.label_column,
            reads=reads,
            answer=answer,
        )

    def _options(self) -> tuple[ModelOptions, TrainingOptions, ParserOptions]:
        """The options of the parts, which are checked when they are made."""
        own = {name: of_python(value) for name, value in self.get_params(deep=False).items()}
        settings, training, parser = (
            {field.name: own[field.name] for field in fields(kind) if field.name in own}
            for kind in (ModelSettings, TrainingOptions, ParserOptions)
        )
        parser["model_dir"] = None if self.model_dir is None else str(self.model_dir)
        training["class_weights"] = "balanced" if own.get("class_weight") == "balanced" else "equal"
        file = None if self.vectors is None else str(self.vectors)
        embedding, settings["vectors"] = with_vectors(own["embedding"], file)
        model = ModelOptions(
            **settings,
            encoder=own["encoder"],
            encoder_options=self.encoder_options or {},
            embedding=embedding,
            init=None if self.init is None else str(self.init),
        )
        return model, TrainingOptions(**training), ParserOptions(**parser)

    def _start(self, options: ModelOptions) -> SavedModel | None:
        """The model to go on from, if one is wanted."""
        if not self.warm_start or not hasattr(self, "model_"):
            return None
        for field in fields(ModelOptions):
            old, new = (getattr(one, field.name) for one in (self.model_.options, options))
            if old != new:
                raise OptionError(
                    field.name,
                    f"is {new!r}, but the model that warm_start goes on from was made with {old!r}: set "
                    "warm_start=False for a new one",
                )
        return self.model_

    def _class_weights(self, values: Values) -> dict[str, float] | None:
        """The weight of each class by its name, where they are given."""
        return None

    @property
    def _cache_file(self) -> Path | None:
        return None if self.cache is None else Path(self.cache)

    @contextmanager
    def _read(
        self,
        examples: Sequence[Example],
        structure: str,
        options: ParserOptions,
        *,
        needs_tree: bool,
    ) -> Iterator[tuple[Iterator[Sentence], Iterator[Sentence]]]:
        """The sentences of first and of second texts, parsed as they are asked for.

        Where no tree is read, texts are tokenised alone.
        """
        shown: AbstractContextManager[Progress | None] = nullcontext()
        if self.verbose:
            total = texts_to_parse(examples, [structure], needs_tree=needs_tree)
            shown = progress("parsing", total)
        with shown as show:
            # A file that is named keeps trees for others; what is no parse may be made of one.
            trees = needs_tree or structure != "parse" or self._cache_file is not None
            parser = caching_parser(options, self._cache_file, show, trees=trees)
            yield read(examples, [structure], parser, needs_tree=needs_tree)

    def _inputs(self, X: Column) -> Inputs:
        """New questions as the model reads them."""
        model = self.model_
        question = model.task.question
        needs_tree = _needs_tree(model.classifier.encoder, model.structure, question)
        options = DataOptions(text_column=self.text_column)
        examples = examples_of(X, question, options)
        with self._read(examples, model.structure, model.parser, needs_tree=needs_tree) as texts:
            first, second = map(list, texts)
        return model.inputs(*structured(model, examples, first, second))

    def _report(self, metric: str) -> Callable[[Epoch], None]:
        def report(epoch: Epoch) -> None:
            line = (
                f"epoch {epoch.number}: train loss {epoch.train_loss:.4f}, dev loss "
                f"{epoch.dev_loss:.4f}, dev {metric} {epoch.dev_score:.4f}"
            )
            logger.info(line)
            if self.verbose:
                status.print(line, highlight=False)

        return report


def _question_of(reads: str | None, answer: str | None) -> Question:
    """A question, as far as it is known: by default a label of a sentence."""
    return Question(cast("Reads", reads or "sentence"), cast("Answers", answer or "label"))


def tags_of_texts(tags: Any) -> Any:
    """The tags by which scikit-learn knows an estimator that takes texts, from those of any other."""
    tags.input_tags.two_d_array = False
    tags.input_tags.one_d_array = True
    tags.input_tags.string = True
    tags.target_tags.required = True
    tags.no_validation = True
    return tags


def _seed(random_state: object) -> int:
    """The random seed that a parameter says or, as in scikit-learn, draws.

    Raises:
        OptionError: It is something else.
    """
    if isinstance(random_state, int | np.integer):
        if not 0 <= random_state < 2**64:  # of torch
            raise OptionError(
                "random_state", f"must be at least 0 and below 2**64, but is {random_state}"
            )
        return int(random_state)
    if random_state is None or isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(2**31))
    raise OptionError(
        "random_state",
        f"must be a whole number, None or a numpy.random.RandomState, but is {random_state!r}",
    )


def _needs_tree(encoder: Encoder, structure: str, question: Question) -> bool:
    """Whether texts are parsed for an encoder, even where tokens are given."""
    wanted = question.reads != "arcs" or needs_parser([structure], question)
    return wanted and encoder.needs_structure


@contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Leave torch's random numbers as they were."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield
