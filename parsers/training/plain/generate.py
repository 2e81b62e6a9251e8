"""Sentences drawn from the grammar of plain sentences, as lines of CoNLL-U."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from parsers.training.plain.grammar import GRAMMAR, KINDS
from parsers.training.plain.words import NOUNS, OTHERS, VERBS, inflections, plural
from parsers.training.treebank import Block, read_treebank, word_forms

__all__ = ["EVALUATION", "interleaved", "plain_sentences"]

EVALUATION = Path(__file__).with_name("evaluation.conllu")
"""A hundred plain sentences with trees made by hand, none of which is generated."""

_AGREEMENT = {
    "1s": "Number=Sing|Person=1",
    "2": "Number=Sing|Person=2",
    "3s": "Number=Sing|Person=3",
    "1p": "Number=Plur|Person=1",
    "3p": "Number=Plur|Person=3",
}
_DRAWN = "1s 2 1p 3s 3s 3s 3p 3p 3p 3p".split()
"""Persons and numbers as often as they are drawn."""

_AUXILIARIES = {
    "be": {"1s": "am", "3s": "is", "": "are"},
    "was": {"1s": "was", "3s": "was", "": "were"},
    "do": {"3s": "does", "": "do"},
    "did": {"": "did"},
    "have": {"3s": "has", "": "have"},
}

_FORMS = {
    "VB": ("VB", "VerbForm=Inf"),
    "IMP": ("VB", "Mood=Imp|VerbForm=Fin"),
    "VBG": ("VBG", "Tense=Pres|VerbForm=Part"),
    "GER": ("VBG", "VerbForm=Ger"),
    "VBN": ("VBN", "Tense=Past|VerbForm=Part"),
    "VBNP": ("VBN", "Tense=Past|VerbForm=Part|Voice=Pass"),
}
"""The tag and the features of each form that doesn't agree."""

_TAGS = {
    "CC": ("CCONJ", "_"),
    "CD": ("NUM", "NumForm=Word|NumType=Card"),
    "EX": ("PRON", "_"),
    "IN": ("ADP", "_"),
    "JJ": ("ADJ", "Degree=Pos"),
    "JJR": ("ADJ", "Degree=Cmp"),
    "MD": ("AUX", "VerbForm=Fin"),
    "NN": ("NOUN", "Number=Sing"),
    "NNS": ("NOUN", "Number=Plur"),
    "NNP": ("PROPN", "Number=Sing"),
    "POS": ("PART", "_"),
    "PRP$": ("PRON", "_"),
    "PRP": ("PRON", "_"),
    "RB": ("ADV", "_"),
    "RBR": ("ADV", "Degree=Cmp"),
    "TO": ("PART", "_"),
    "UH": ("INTJ", "_"),
    "WDT": ("PRON", "PronType=Rel"),
    "WP$": ("PRON", "Poss=Yes|PronType=Int"),
    "WP": ("PRON", "PronType=Int"),
    "WRB": ("ADV", "PronType=Int"),
    "DT": ("PRON", "_"),
    ".": ("PUNCT", "_"),
    ",": ("PUNCT", "_"),
}
"""The universal part of speech and the usual features of a tag."""

_PRONOUNS = {
    "i me my": "Number=Sing|Person=1",
    "you your": "Person=2",
    "he him his": "Gender=Masc|Number=Sing|Person=3",
    "she her": "Gender=Fem|Number=Sing|Person=3",
    "it": "Gender=Neut|Number=Sing|Person=3",
    "we us our": "Number=Plur|Person=1",
    "they them their": "Number=Plur|Person=3",
}
_PERSONAL = {form: features for forms, features in _PRONOUNS.items() for form in forms.split()}

_FEATURES = {
    f"{form}/{tag}": features
    for tag, features, forms in (
        ("DT", "Definite=Def|PronType=Art", "the"),
        ("DT", "Definite=Ind|PronType=Art", "a an"),
        ("DT", "Number=Sing|PronType=Dem", "this that"),
        ("DT", "Number=Plur|PronType=Dem", "these those"),
        ("DT", "PronType=Ind", "some"),
        ("DT", "PronType=Tot", "all every"),
        ("DT", "PronType=Neg", "no"),
        ("WDT", "PronType=Int", "what which"),
        ("RB", "Polarity=Neg", "not n't"),
        ("RB", "PronType=Dem", "here there"),
        ("RB", "PronType=Tot", "always"),
        ("RB", "PronType=Neg", "never"),
        ("RB", "PronType=Ind", "sometimes"),
        ("RB", "Degree=Pos", "badly soon well"),
    )
    for form in forms.split()
}
"""The features of words that don't have those of their tag."""

_VOWELS = ("a", "e", "i", "o", "u", "honest")

_NEGATED = {"can": "ca", "will": "wo", "may": "", "might": "", "am": ""}
"""How a word is written before *n't*; empty where *not* stands in its place."""


@dataclass
class _Word:
    """A word of a sentence; what it hangs on is known when the phrase around it is."""

    form: str
    tag: str
    features: str = ""
    head: _Word | None = None
    relation: str = "root"


@cache
def _productions() -> dict[str, list[list[tuple[str, str]]]]:
    """The productions with every person and number written out, each a row of relations and symbols."""
    written: dict[str, list[list[tuple[str, str]]]] = {}
    for name, lines in GRAMMAR.items():
        own = name.endswith("@")
        for agreement in _AGREEMENT if own else [""]:
            rows = written[name + agreement if own else name] = []
            for line in lines:
                varies = re.search(r"@(?!\w)", line)
                for drawn in [agreement] if own or not varies else _DRAWN:
                    items = re.sub(r"@(?!\w)", f"@{drawn}", line).split()
                    row = [(each[0], each[2]) for each in (item.partition("=") for item in items)]
                    # One that varies stands there once for each person drawn, another one as often.
                    rows += [row] * (1 if own or varies else len(_DRAWN))
    return written


def _expand(symbol: str, draw: random.Random) -> tuple[list[_Word], _Word]:
    """The words that a symbol becomes, in order, and their head."""
    rows = _productions().get(symbol)
    if rows is None:
        word = _word(symbol, draw)
        return [word], word
    words: list[_Word] = []
    parts: list[tuple[str, _Word]] = []
    for relation, part in draw.choice(rows):
        inner, head = _expand(part, draw)
        words += inner
        parts.append((relation, head))
    (head,) = (word for relation, word in parts if relation == "*")
    for relation, word in parts:
        if relation != "*":
            word.head, word.relation = head, relation
    return words, head


def _word(symbol: str, draw: random.Random) -> _Word:
    """The word of a symbol that isn't a production."""
    if "/" in symbol:
        form, tag, features = [*symbol.split("/"), ""][:3]
        if tag in _FORMS:
            tag, features = _FORMS[tag]
        return _Word(form, tag, features)
    if "@" in symbol or ":" in symbol:
        return _verb(symbol, draw)
    tag, _, name = symbol.partition(".")
    if tag in ("NN", "NNS"):
        noun = draw.choice(NOUNS[name])
        return _Word(plural(noun) if tag == "NNS" else noun, tag)
    form = draw.choice(OTHERS[name or tag])
    return _Word(form, tag, "NumForm=Digit|NumType=Card" if name == "year" else "")


def _verb(symbol: str, draw: random.Random) -> _Word:
    """The word of ``V.act:VBG``, ``V.act:past@3s`` or ``be@3s``."""
    verb, _, form = symbol.rpartition(":")
    if form in _FORMS:
        tag, features = _FORMS[form]
        return _Word(inflections(draw.choice(VERBS[verb[2:]]))[tag], tag, features)
    form, _, agreement = form.partition("@")
    past = form in ("past", "was", "did")
    tag = "VBD" if past else "VBZ" if agreement == "3s" else "VBP"
    features = f"Mood=Ind|{_AGREEMENT[agreement]}|Tense={'Past' if past else 'Pres'}|VerbForm=Fin"
    if verb:
        return _Word(inflections(draw.choice(VERBS[verb[2:]]))[tag], tag, features)
    forms = _AUXILIARIES[form]
    return _Word(forms.get(agreement, forms[""]), tag, features)


def _spell(words: Sequence[_Word]) -> None:
    """Write *an* before vowels, *ca n't* for *can n't*, and a capital letter at the beginning."""
    for word, after in pairwise(words):
        if (word.form, word.tag) == ("a", "DT") and after.form.lower().startswith(_VOWELS):
            word.form = "an"
        if after.form == "n't":
            written = _NEGATED.get(word.form, word.form)
            if written:
                word.form = written
            else:
                after.form = "not"
    words[0].form = words[0].form[0].upper() + words[0].form[1:]


def _line(number: int, word: _Word, numbers: dict[int, int]) -> str:
    form, tag, relation = word.form.lower(), word.tag, word.relation
    upos, usual = _TAGS.get(tag, ("VERB", "_"))
    features = word.features or _FEATURES.get(f"{form}/{tag}", usual)
    if tag in ("PRP", "PRP$"):
        subject = relation.startswith(("nsubj", "expl"))
        case, poss = ("Gen", "Poss=Yes|") if tag == "PRP$" else ("Nom" if subject else "Acc", "")
        features = f"Case={case}|{_PERSONAL[form]}|{poss}PronType=Prs"
    if relation in ("aux", "aux:pass", "cop"):
        upos = "AUX"
    elif relation == "det":
        upos = "DET"
    elif relation == "mark" and tag == "IN":
        upos = "SCONJ"
    elif form in ("not", "n't"):
        upos = "PART"
    head = 0 if word.head is None else numbers[id(word.head)]
    return "\t".join(
        [str(number), word.form, "_", upos, tag, features, str(head), relation, "_", "_"]
    )


def _sentence(kind: str, draw: random.Random) -> Block:
    words, head = _expand(kind, draw)
    words.append(_Word(KINDS[kind], ".", head=head, relation="punct"))
    _spell(words)
    numbers = {id(word): number for number, word in enumerate(words, start=1)}
    return [_line(numbers[id(word)], word, numbers) for word in words]


def plain_sentences(count: int, seed: int = 1) -> list[Block]:
    """Sentences of the grammar, in the form in which :func:`read_treebank` reads them.

    No sentence comes twice, and none is among those of :data:`EVALUATION`, whatever its capital letters.

    Args:
        count: The number of sentences.
        seed: The random seed.

    Returns:
        The lines of each sentence.
    """
    draw = random.Random(seed)
    kinds = tuple(KINDS)
    known = {_text(block) for block in read_treebank(EVALUATION).blocks}
    made: list[Block] = []
    while len(made) < count:
        block = _sentence(draw.choice(kinds), draw)
        if (text := _text(block)) not in known:
            known.add(text)
            made.append(block)
    return made


def _text(block: Block) -> str:
    return " ".join(word_forms([block])).lower()


def interleaved(blocks: Sequence[Block], more: Sequence[Block]) -> list[Block]:
    """Blocks with others spread evenly among them, so that each fold has its share of both."""
    places = [len(blocks) * index // max(len(more), 1) for index in range(len(more) + 1)]
    mixed: list[Block] = []
    for start, end, block in zip(places, places[1:], more, strict=False):
        mixed += [*blocks[start:end], block]
    return mixed if more else list(blocks)
