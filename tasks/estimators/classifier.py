"""A classifier of texts, as scikit-learn's estimators are."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import KW_ONLY, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from parsers import CachedParser
from structnn import Sentence
from tasks.console import progress, status
from tasks.data.datasets import make_dataset
from tasks.data.examples import DataError, Example, quote
from tasks.data.options import DataOptions, ParserOptions
from tasks.data.parsing import ParsedDataset
from tasks.data.questions import Question
from tasks.data.setting import Setting, view
from tasks.estimators.columns import (
    Column,
    classes_in,
    examples_of,
    labels_in,
    names_of,
    numbers_in,
)
from tasks.estimators.reading import caching_parser, read, states_beside
from tasks.estimators.saving import read_classifier, write_classifier
from tasks.estimators.vectors import sentence_vectors
from tasks.experiments.fitting import fit, selecting_metric
from tasks.experiments.grid import encoder_of
from tasks.models.model import SavedModel
from tasks.models.options import ModelOptions, ModelSettings, with_vectors
from tasks.models.prediction import Predictor
from tasks.models.preparation import pretrained_vectors
from tasks.options import OptionError
from tasks.training.epoch import Epoch
from tasks.training.evaluation import predict_scores
from tasks.training.loop import TrainingResult
from tasks.training.options import TrainingOptions

if TYPE_CHECKING:
    from tasks.explain import Explanation

__all__ = ["StructuredClassifier"]

logger = logging.getLogger(__name__)


@dataclass(eq=False, repr=False)
class StructuredClassifier(ClassifierMixin, BaseEstimator):
    r"""An encoder with a softmax layer, trained on texts and their classes.

    It is the model that ``structnn train`` trains, made and trained by the same code: the same options,
    texts and seed give the same model. A part of the training examples is held out as dev set, on
    which the best epoch is chosen.

    A text is a string, a sequence of tokens, or a :class:`~structnn.Sentence`. Strings are parsed by
    Stanza; tokens are kept one for one, and parsed where the encoder reads trees; a sentence keeps its
    own tree, and is parsed where it has none. Many texts are a list, a NumPy array, or a column of
    pandas or Arrow. Classes are any objects that can be hashed.

    No file is written but by :meth:`save`: parses and states of contextual models are kept in a
    temporary folder, as is the state of training, unless ``cache`` says otherwise.

    Args:
        encoder: Name of an encoder, with options if wanted (``"gat(heads=8)"``), or of several joined
            by ``>``: see ``structnn encoders``.
        embedding: Word vectors, as for ``--embedding``: ``"learned"``, ``"vectors:FILE"``,
            ``"wordllama"``, ``"hf:NAME"`` (a contextual model of Hugging Face, by its name or
            folder), or several side by side, as ``"learned+hf:NAME"``. By default those of the file
            ``vectors`` if there is one, else learned.
        structure: What tree and graph encoders read: ``"parse"``, ``"given"`` (dependencies of
            sentences), ``"constituency"``, or a control structure such as ``"random"``.
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
        batch_size: Texts per batch.
        learning_rate: Learning rate of AdamW.
        embedding_learning_rate: Learning rate of contextual models that are trained.
        weight_decay: Weight decay of AdamW.
        gradient_clip: Maximum norm of the gradient.
        device: ``"auto"`` (a GPU if there is one) or ``"cpu"``.
        mixed_precision: ``"no"``, ``"bf16"`` or ``"fp16"``.
        select: Metric of dev that selects the epoch; accuracy by default.
        class_weight: Weight of each class in the loss: None for equal ones, ``"balanced"``, or a
            mapping from classes to weights, 1 for those that are not in it.
        focus: Exponent of the focal loss; 0 is cross-entropy.
        seconds: Stop after so many seconds of training; None for no limit.
        dev_fraction: Fraction of the training examples to hold out as dev set, stratified by class,
            with repeated texts kept together.
        split_seed: Random seed of what is held out.
        language: Language of the texts.
        package: Stanza's package; by default the English one that ships with structnn.
        model_dir: Folder of Stanza models.
        split_sentences: Split a text into sentences, whose trees are joined under one root.
        parser: Folder of a run that was trained to parse, in place of Stanza's parsers.
        cache: File that keeps parses, as for ``--cache``; a folder ``states`` beside it keeps what
            frozen contextual models compute.
        random_state: Random seed of weights, dropout and the order of the examples.
        warm_start: Go on from the model of the last :meth:`fit`, with its words and classes.
        verbose: 0, or 1 to print a line for each epoch. Each epoch is logged either way.

    Attributes:
        classes_: The classes, sorted.
        model_: The trained model, with all that is needed to use it on new text.
        training_: The record of its training, with each epoch.
        n_iter_: The number of epochs.

    Example:
        >>> texts = [[animal, str(n)] for n in range(10) for animal in ("dogs", "cats")]
        >>> classifier = StructuredClassifier("bag", epochs=3).fit(texts, ["dog", "cat"] * 10)
        >>> classifier.predict_proba([["dogs", "purr"]]).shape
        (1, 2)
        >>> classifier.classes_.tolist()
        ['cat', 'dog']
    """

    encoder: str = "child_sum_tree_lstm"
    _: KW_ONLY
    embedding: str | None = None
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
    weight_decay: float = TrainingOptions.weight_decay
    gradient_clip: float = TrainingOptions.gradient_clip
    device: Literal["auto", "cpu"] = TrainingOptions.device
    mixed_precision: Literal["no", "bf16", "fp16"] = TrainingOptions.mixed_precision
    select: str | None = TrainingOptions.select
    class_weight: Literal["balanced"] | Mapping[Any, float] | None = None
    focus: float = TrainingOptions.focus
    seconds: float | None = TrainingOptions.seconds
    dev_fraction: float = DataOptions.dev_fraction
    split_seed: int = DataOptions.split_seed
    language: str = ParserOptions.language
    package: str | None = ParserOptions.package
    model_dir: str | None = ParserOptions.model_dir
    split_sentences: bool = ParserOptions.split_sentences
    parser: str | None = ParserOptions.parser
    cache: str | Path | None = None
    random_state: int = 0
    warm_start: bool = False
    verbose: int = 0

    def fit(
        self,
        X: Column,
        y: Column,
        sample_weight: Column | None = None,
        *,
        dev: tuple[Column, Column] | None = None,
    ) -> StructuredClassifier:
        """Train on texts and their classes.

        Args:
            X: The texts.
            y: The class of each.
            sample_weight: ``(texts,)``, the weight of each text in the loss; equal by default. The dev
                set has no weights.
            dev: Texts and classes to choose the best epoch on, in place of a part of ``X``.

        Returns:
            This classifier.

        Raises:
            ValueError: A text or an option can't be used; the message says which, why, and how to mend
                it. Or training diverged.
        """
        parameters, training, parser = self._options()
        start = self._start(parameters)
        given = labels_in(y)
        classes = classes_in(given)
        if start is not None:
            self._check_known(classes)
            classes = self.classes_
        train = examples_of(X, [str(value) for value in given.tolist()])
        weights = None
        if sample_weight is not None:
            weights = numbers_in(sample_weight, len(train), "sample_weight")
        parts: dict[str, tuple[Example, ...]] = {"train": tuple(train), "test": ()}
        if dev is not None:
            parts["dev"] = tuple(
                examples_of(dev[0], [str(v) for v in labels_in(dev[1]).tolist()], "dev")
            )
        dataset = make_dataset(
            "X",
            parts,
            DataOptions(dev_fraction=self.dev_fraction, split_seed=self.split_seed),
            question=Question(),
            labels=names_of(classes),
        )
        if weights is not None:
            of_example = {id(one): weight for one, weight in zip(train, weights, strict=True)}
            weights = [of_example[id(example)] for example in dataset.train]
        needs_tree = bool(encoder_of(parameters).reads & {"tree", "graph"})
        both = (*dataset.train, *dataset.dev)
        sentences = self._read(both, self.structure, parser, needs_tree=needs_tree)
        size = len(dataset.train)
        data = ParsedDataset(
            dataset, {"train": tuple(sentences[:size]), "dev": tuple(sentences[size:]), "test": ()}
        )
        data = view(data, Setting(structure=self.structure))
        with tempfile.TemporaryDirectory() as folder, _same_random_numbers():
            fitted = fit(
                parameters,
                data,
                training,
                seed=self.random_state,
                parser=parser,
                pretrained=None if start else pretrained_vectors(parameters, data),
                checkpoint=Path(folder) / "checkpoint.safetensors",
                states=states_beside(None if self.cache is None else Path(self.cache)),
                start=start,
                weights=weights,
                class_weights=self._class_weights(classes),
                on_epoch=self._report(selecting_metric(training, dataset).name),
            )
        self.classes_: NDArray[Any] = classes
        self.model_: SavedModel = fitted.prepared.model
        self.training_: TrainingResult = fitted.training
        self.n_iter_ = len(fitted.training.epochs)
        return self

    def predict(self, X: Column) -> NDArray[Any]:
        """The most probable class of each text, ``(texts,)``."""
        places = self.predict_proba(X).argmax(1)
        return np.asarray(self.classes_[places])

    def predict_proba(self, X: Column) -> NDArray[np.float64]:
        """The probability of each class, ``(texts, classes)``, in the order of :attr:`classes_`."""
        check_is_fitted(self, "model_")
        sentences = self._sentences(X)
        if not sentences:
            return np.zeros((0, len(self.classes_)))
        scores = predict_scores(self.model_.classifier, self.model_.inputs(sentences))
        found: NDArray[np.float64] = scores.double().softmax(1).numpy()
        return found

    def encode(self, X: Column) -> NDArray[np.float32]:
        """The sentence vectors that the head reads, ``(texts, width)``."""
        check_is_fitted(self, "model_")
        return sentence_vectors(self.model_.classifier, self.model_.inputs(self._sentences(X)))

    def explain(self, text: str, label: object = None) -> Explanation:
        """Why a text is given its class: attributions, deletions, attention and gates.

        Args:
            text: The text.
            label: One of :attr:`classes_` to explain in place of the predicted one.

        Returns:
            What a notebook shows as a page, and :func:`tasks.explain.save` writes to files.

        Raises:
            ValueError: The text is empty or too long, the model can't read raw text, or the label is no
                class.
        """
        check_is_fitted(self, "model_")
        from tasks.explain import explain  # captum takes long to import

        predictor = Predictor(self.model_, self._parser(self.model_.parser))
        return explain(predictor, text, label=None if label is None else str(label))

    def save(self, folder: str | Path) -> Path:
        """Write the model to a folder that :meth:`load` and ``structnn predict`` read.

        Args:
            folder: The folder; made if it isn't there. A classifier that was saved in it is replaced.

        Returns:
            The folder.

        Raises:
            StorageError: The folder holds a run of an experiment, or can't be written.
            ValueError: A class can't be written as JSON.
        """
        check_is_fitted(self, "model_")
        folder = Path(folder)
        write_classifier(folder, self.model_, self.classes_, self.get_params(deep=False))
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> StructuredClassifier:
        """Read a classifier that :meth:`save` wrote, or the model of a run of ``structnn``.

        Args:
            folder: The folder. Of a run, the classes are strings.

        Raises:
            StorageError: There is no model in it, a file is damaged, or files don't belong together.
        """
        model, classes, parameters = read_classifier(Path(folder))
        # Of a run there are options too that only other questions have.
        known = cls._get_param_names()
        made = cls(**{name: value for name, value in parameters.items() if name in known})
        made.model_, made.classes_ = model, classes
        return made

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        tags.no_validation = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def _options(self) -> tuple[ModelOptions, TrainingOptions, ParserOptions]:
        """The options of the parts, which are checked when they are made."""
        own = {
            name: value.item() if isinstance(value, np.generic) else value  # from a grid search
            for name, value in self.get_params(deep=False).items()
        }
        settings, training, parser = (
            {field.name: own[field.name] for field in fields(kind) if field.name in own}
            for kind in (ModelSettings, TrainingOptions, ParserOptions)
        )
        parser["model_dir"] = None if self.model_dir is None else str(self.model_dir)
        training["class_weights"] = "balanced" if self.class_weight == "balanced" else "equal"
        file = None if self.vectors is None else str(self.vectors)
        embedding, settings["vectors"] = with_vectors(own["embedding"], file)
        model = ModelOptions(
            **settings,
            encoder=own["encoder"],
            encoder_options=self.encoder_options or {},
            embedding=embedding,
        )
        if not isinstance(own["random_state"], int):
            raise OptionError("random_state", f"must be a whole number, but is {self.random_state}")
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

    def _check_known(self, classes: NDArray[Any]) -> None:
        if new := sorted(set(names_of(classes)) - set(names_of(self.classes_))):
            raise DataError(
                f"y has classes that the model does not have: {quote(new)}; set warm_start=False to "
                "train a new one"
            )

    def _class_weights(self, classes: NDArray[Any]) -> dict[str, float] | None:
        """The weight of each class by its name, where they are given."""
        given = self.class_weight
        if given is None or given == "balanced":
            return None
        if not isinstance(given, Mapping):
            raise OptionError(
                "class_weight", f"must be None, 'balanced' or a mapping, but is {given!r}"
            )
        names = names_of(classes)
        weights = numbers_in(list(given.values()), len(given), "class_weight")
        found = dict(zip(map(str, given), weights, strict=True))
        if unknown := sorted(set(found) - set(names)):
            raise OptionError(
                "class_weight", f"names {quote(unknown)}, but the classes of y are {quote(names)}"
            )
        return found

    def _parser(self, options: ParserOptions) -> CachedParser:
        return caching_parser(options, None if self.cache is None else Path(self.cache))

    def _read(
        self,
        examples: Sequence[Example],
        structure: str,
        options: ParserOptions,
        *,
        needs_tree: bool,
    ) -> list[Sentence]:
        with progress("parsing") if self.verbose else nullcontext() as show:
            parser = self._parser(options)
            parser.progress = show
            return read(examples, structure, parser, needs_tree=needs_tree)

    def _sentences(self, X: Column) -> list[Sentence]:
        """New texts as the model reads them."""
        model = self.model_
        needs_tree = bool(model.classifier.encoder.reads & {"tree", "graph"})
        read = self._read(examples_of(X), model.structure, model.parser, needs_tree=needs_tree)
        return model.structured(read)

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


@contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Leave torch's random numbers as they were."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield
