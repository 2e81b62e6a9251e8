"""The width of a text, and the installed fonts that have its characters."""

from __future__ import annotations

import unicodedata
import warnings
from functools import cache, lru_cache

from matplotlib import font_manager, ft2font

BASE = "DejaVu Sans"  # comes with matplotlib

# For the beginnings of Unicode's names of characters: a script, fonts to prefer, and one to install.
_SCRIPTS = {
    ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "IDEOGRAPHIC", "BOPOMOFO", "FULLWIDTH"): (
        "Chinese, Japanese or Korean",
        "Noto Sans CJK SC,Noto Sans CJK,Source Han Sans,PingFang,Hiragino Sans,Microsoft YaHei,"
        "Malgun Gothic,WenQuanYi".split(","),
        "Noto Sans CJK (Debian and Ubuntu: apt install fonts-noto-cjk)",
    ),
    ("ARABIC",): (
        "Arabic",
        ["Noto Sans Arabic", "Noto Naskh Arabic", "Amiri"],
        "Noto Sans Arabic (Debian and Ubuntu: apt install fonts-noto-core)",
    ),
    ("HEBREW",): (
        "Hebrew",
        ["Noto Sans Hebrew"],
        "Noto Sans Hebrew (Debian and Ubuntu: apt install fonts-noto-core)",
    ),
}
_OTHER = (
    "Noto Sans for that script (Debian and Ubuntu: apt install fonts-noto-core; or "
    "https://fonts.google.com/noto)"
)
_EMOJI = (
    ["Noto Emoji", "Symbola", "Segoe UI Symbol", "Segoe UI Emoji"],
    "a font with outlines for emoji, such as Symbola (Debian and Ubuntu: apt install fonts-symbola) "
    "or Noto Emoji (https://fonts.google.com/noto/specimen/Noto+Emoji); colour emoji can't be drawn "
    "by matplotlib, but SVG and HTML for a browser show them",
)
_IN_NOTO_SANS = frozenset(("Latin", "Greek", "Cyrillic", "Combining", "Modifier"))
_JOINERS = {0x200C, 0x200D, 0xFE0E, 0xFE0F}  # no glyph of their own


def families_for(text: str) -> list[str]:
    """The font families that together have the characters of a text.

    Args:
        text: All the text of a picture.

    Returns:
        The base font, then families for the characters that those before lack.

    Warns:
        UserWarning: No installed font has a character, or this matplotlib can't shape Arabic letters.
    """
    families, missing = _families(frozenset(text))
    joined = any(unicodedata.bidirectional(character) == "AL" for character in text)
    if joined and not hasattr(ft2font, "__libraqm_version__"):
        warnings.warn(
            "this matplotlib draws Arabic letters apart and from left to right; install matplotlib "
            "3.11 or newer",
            stacklevel=4,
        )
    for name, (characters, remedy) in missing.items():
        shown = " ".join(sorted(characters)[:8])
        warnings.warn(
            f"no installed font has {shown} ({name}), so boxes are drawn instead; install {remedy}",
            stacklevel=4,
        )
    return list(families)


@lru_cache(maxsize=65536)
def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width in points of a line of text; the size of its letters is in points, too."""
    families, _ = _families(frozenset(text))
    font = _font(families, bold)
    font.set_size(_MEASURE, 72)  # fonts are shared, and may have any size
    with warnings.catch_warnings(action="ignore"):  # families_for warns of missing glyphs
        font.set_text(text, 0.0)
    width = font.get_width_height()[0] / 64 / _MEASURE * size
    lacking = sum(
        1 for character in text if ord(character) > 0x2E7F and not _has(families, character)
    )
    return width + 0.5 * size * lacking  # a browser has wide glyphs for them


def wanted_family(text: str) -> tuple[str, str] | None:
    """The script of a word that fonts for Latin letters lack, and a font family to prefer for it."""
    for character in text:
        # Punctuation is in all fonts.
        kind = unicodedata.category(character)[0]
        if ord(character) > 0x24F and kind in "LMNS":
            script, (family, *_), _ = _script(character)
            if family == "Noto Sans" and kind in "LM" and script not in _IN_NOTO_SANS:
                family = f"Noto Sans {script}"  # which each other script has
            return script, family
    return None


_MEASURE = 100.0  # the size at which fonts are measured: so large that hinting does not matter


@cache
def _font(families: tuple[str, ...], bold: bool) -> ft2font.FT2Font:
    weight = "bold" if bold else "normal"
    properties = font_manager.FontProperties(family=list(families), weight=weight)
    paths = font_manager.fontManager._find_fonts_by_props(properties)
    return font_manager.get_font(paths)


@lru_cache(maxsize=4096)
def _families(
    characters: frozenset[str],
) -> tuple[tuple[str, ...], dict[str, tuple[set[str], str]]]:
    families = [BASE]
    missing: dict[str, tuple[set[str], str]] = {}
    for character in sorted(characters):
        if _has(tuple(families), character):
            continue
        name, preferred, remedy = _script(character)
        if (family := _family_with(character, tuple(preferred))) is not None:
            families.append(family)
        else:
            missing.setdefault(name, (set(), remedy))[0].add(character)
    return tuple(families), missing


def _has(families: tuple[str, ...], character: str) -> bool:
    code = ord(character)
    invisible = code < 32 or code in _JOINERS or unicodedata.category(character) in ("Cf", "Zs")
    return invisible or any(code in _characters(_path(family)) for family in families)


@cache
def _family_with(character: str, preferred: tuple[str, ...]) -> str | None:
    """An installed family with a glyph for ``character``, a preferred one where possible."""
    _know_new_fonts()
    families = sorted(_paths())
    ranked = [family for name in preferred for family in families if family.startswith(name)]
    for family in [*ranked, *families]:
        # "Last Resort" has a glyph for everything: a box.
        if not family.startswith("Last Resort") and ord(character) in _characters(_path(family)):
            return family
    return None


@cache
def _know_new_fonts() -> None:
    """Add fonts to matplotlib's list that were installed after it was made."""
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    for path in font_manager.findSystemFonts():
        if path not in known:
            try:
                font_manager.fontManager.addfont(path)
                _paths.cache_clear()
            except (OSError, RuntimeError):  # bitmaps, such as colour emoji
                continue


@cache
def _paths() -> dict[str, str]:
    """The file of each known family: upright and of normal weight where there is such a file."""
    # Not by findfont, which warns of families that have no normal weight.
    entries = sorted(
        font_manager.fontManager.ttflist,
        key=lambda entry: (entry.style == "normal", entry.weight in (400, "normal", "regular")),
    )
    return {entry.name: entry.fname for entry in entries}


def _path(family: str) -> str:
    return _paths()[family]


@cache
def _characters(path: str) -> frozenset[int]:
    return frozenset(ft2font.FT2Font(path).get_charmap())


def _script(character: str) -> tuple[str, list[str], str]:
    """The name of a character's script, fonts to prefer for it, and what to install."""
    name = unicodedata.name(character, "an unnamed character")
    for prefixes, (script, preferred, remedy) in _SCRIPTS.items():
        if name.startswith(prefixes):
            return script, preferred, remedy
    if unicodedata.category(character) in ("So", "Sk", "Mn") and ord(character) > 0x2000:
        preferred, remedy = _EMOJI
        return "emoji", preferred, remedy
    return name.split()[0].capitalize(), ["Noto Sans"], _OTHER
