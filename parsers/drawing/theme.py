"""Colours that colour-blind readers can tell apart, on light and on dark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """The colours of a picture.

    Args:
        background: The background of the picture.
        ink: Words.
        muted: Relations and other captions.
        line: Edges.
        accent: What differs between two pictures.
        accent_2: Edges that are not edges of the tree.
        accent_3: Edges of the tree from child to parent.
        plain: The fill of a chip without a part of speech or a number.
        word_classes: The fills of chips by group of parts of speech.
        ramp: Colours for numbers of one sign, from the smallest to the largest.
        diverging: Colours for numbers below and above a middle.
    """

    background: str
    ink: str
    muted: str
    line: str
    accent: str
    accent_2: str
    accent_3: str
    plain: str
    word_classes: Mapping[str, str]
    ramp: tuple[str, ...]
    diverging: tuple[str, ...]


# The hues are Okabe and Ito's (2008), lightened or darkened so that words can be read on them; the
# ramps are ColorBrewer's YlGnBu and PuOr and Cividis-like, safe for all common colour blindness.
LIGHT = Theme(
    background="#ffffff",
    ink="#1c2430",
    muted="#5b6675",
    line="#9aa5b1",
    accent="#d55e00",
    accent_2="#0072b2",
    accent_3="#007d5c",
    plain="#f1f4f7",
    word_classes={
        "noun": "#cfe6f5",
        "verb": "#fbd9bf",
        "modifier": "#cdebdf",
        "function word": "#f6f0bb",
        "other": "#e8eaee",
    },
    ramp=("#f7fbef", "#c7e9b4", "#7fcdbb", "#41b6c4", "#1d91c0", "#225ea8", "#0c2c84"),
    diverging=("#b35806", "#f1a340", "#fee0b6", "#f7f7f7", "#d8daeb", "#998ec3", "#542788"),
)
DARK = Theme(
    background="#151a21",
    ink="#eef2f6",
    muted="#a3afbd",
    line="#64717f",
    accent="#ff8c42",
    accent_2="#56b4e9",
    accent_3="#4fd1a5",
    plain="#252d37",
    word_classes={
        "noun": "#1d4a68",
        "verb": "#70401c",
        "modifier": "#1b5646",
        "function word": "#57511c",
        "other": "#333b46",
    },
    ramp=("#1d2733", "#16435f", "#0f6a86", "#2391a0", "#56b8a6", "#9dd9a3", "#f2f7b5"),
    diverging=("#f5a04b", "#b06a24", "#5a3f26", "#2a313b", "#433d66", "#7365b4", "#b3a7f0"),
)

_CLASS_OF_TAG = {
    tag: name
    for name, tags in {
        "noun": "NOUN PROPN PRON NUM",
        "verb": "VERB AUX",
        "modifier": "ADJ ADV INTJ",
        "function word": "ADP DET CCONJ SCONJ PART",
        "other": "PUNCT SYM X _",
    }.items()
    for tag in tags.split()
}


def word_class(tag: str) -> str:
    """The group of a universal part of speech."""
    return _CLASS_OF_TAG.get(tag, "other")


def blend(colors: tuple[str, ...], share: float) -> str:
    """The colour at ``share``, from 0 to 1, of the way through ``colors``."""
    place = min(max(share, 0.0), 1.0) * (len(colors) - 1)
    index = min(int(place), len(colors) - 2)
    weight = place - index
    first, second = _channels(colors[index]), _channels(colors[index + 1])
    mixed = (round(a + (b - a) * weight) for a, b in zip(first, second, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def ink_on(fill: str) -> str:
    """Dark or white letters, whichever are legible on ``fill``, by WCAG's relative luminance."""
    linear = (((c / 255 + 0.055) / 1.055) ** 2.4 for c in _channels(fill))
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return LIGHT.ink if luminance > 0.22 else "#ffffff"


def _channels(color: str) -> tuple[int, ...]:
    return tuple(int(color[start : start + 2], 16) for start in (1, 3, 5))
