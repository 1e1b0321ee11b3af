"""How many parts a text is sent in (3GPP TS 23.038 and 23.040: GSM-7 160 / 153 septets, UCS-2 70 / 67 UTF-16 units)."""

from collections.abc import Iterable

from crm_comm_hookspecs import TextSize

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""One septet each. The lower-case c with cedilla is not among them, only the capital."""
GSM_EXTENDED = frozenset("\f^{}\\[~]|€")
"""An escape and a septet each; the two are never in different parts."""
_GSM = GSM_BASIC | GSM_EXTENDED

GSM_7 = "GSM-7"
UCS_2 = "UCS-2"
_ONE = {GSM_7: 160, UCS_2: 70}
_PART = {GSM_7: 153, UCS_2: 67}  # a part of a long text gives seven septets, or three units, to its header


def text_size(text: str) -> TextSize:
    """The size of one text: encoding, length in septets (GSM-7) or UTF-16 units (UCS-2), and parts.

    forced_by: the first character that GSM-7 does not have. An empty text has no parts.
    """
    if _GSM.issuperset(text):
        return _size(GSM_7, text, [c for c in text if c in GSM_EXTENDED], "")
    forced_by = next(c for c in text if c not in _GSM)
    return _size(UCS_2, text, [c for c in text if c > "\uffff"], forced_by)


def _size(encoding: str, text: str, double: list[str], forced_by: str) -> TextSize:
    length = len(text) + len(double)
    part = _PART[encoding]
    if length <= _ONE[encoding]:
        segments = 1 if length else 0
    elif not double:
        segments = -(-length // part)
    else:
        wide = frozenset(double)
        segments = _parts((2 if c in wide else 1 for c in text), part)
    return TextSize(encoding=encoding, length=length, segments=segments, forced_by=forced_by)


def _parts(costs: Iterable[int], room: int) -> int:
    parts, used = 1, 0
    for cost in costs:
        if used + cost > room:
            parts, used = parts + 1, 0
        used += cost
    return parts
