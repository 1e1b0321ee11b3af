"""Which characters one line of a form may hold: nothing invisible, nothing that forges another name."""

import re
import unicodedata

_BREAKS = frozenset("\n\r\x0b\x0c\x85\u2028\u2029")
_FORBIDDEN = frozenset({"Cc", "Cs", "Co"})
_INVISIBLE = frozenset(
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\u206a\u206b\u206c\u206d\u206e\u206f\ufeff"
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufff9\ufffa\ufffb"
)
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\u200c\u200d")
_ALIKE = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE"})
_MARKUP = re.compile(r"<[A-Za-z/!?]|<\s+[A-Za-z/!?][^<>]*>")


def unprintable(text: str, lines: bool = False) -> str:
    """What is wrong with a text's characters, in words, or "". lines: line breaks and tabs are allowed."""
    if lines:
        text = text.replace("\r\n", " ").replace("\n", " ").replace("\t", " ")
    if any(c in _BREAKS for c in text):
        return "Line breaks are not allowed here."
    if any(_invisible(c) for c in text):
        return "This contains an invisible or invalid character. Type it again instead of pasting it."
    return ""


def _invisible(c: str) -> bool:
    if c.isascii():
        return c < " " or c == "\x7f"
    code = ord(c)
    unassigned_for_ever = 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
    tag = 0xE0000 <= code <= 0xE007F
    return c in _INVISIBLE or unassigned_for_ever or tag or unicodedata.category(c) in _FORBIDDEN


def blank(text: str) -> bool:
    """True when nothing of a text can be seen."""
    return all(c.isspace() or c in _BLANK or unicodedata.category(c) in {"Mn", "Cf"} for c in text)


def markup(text: str) -> bool:
    """True when a text holds what looks like an HTML tag."""
    return _MARKUP.search(text) is not None


def mixed_scripts(text: str) -> bool:
    """True when one word mixes alphabets that look alike (Latin and Cyrillic, say), as forged names do."""
    for word in re.split(r"[\W\d_]+", text):
        scripts = {unicodedata.name(c, "").split(" ")[0] for c in word}
        if len(scripts & _ALIKE) > 1:
            return True
    return False
