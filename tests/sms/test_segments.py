"""Segments: known borders, and the same answers as a slow way of counting that builds every part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_comm_plugin.domain.segments import GSM_BASIC, GSM_EXTENDED, text_size

# The default alphabet as 3GPP TS 23.038 prints it, row by row, with the escape left out.
TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"


def slowly(text):
    """Build the parts as a phone would get them."""
    if all(c in TABLE or c in EXTENSION for c in text):
        units, one, many = [[c] if c in TABLE else ["ESC", c] for c in text], 160, 153
        encoding = "GSM-7"
    else:
        units, one, many = [list(c.encode("utf-16-be", "surrogatepass")[::2]) for c in text], 70, 67
        encoding = "UCS-2"
    total = sum(map(len, units))
    if total <= one:
        return encoding, total, 1 if total else 0
    parts = [[]]
    for unit in units:
        if len(parts[-1]) + len(unit) > many:
            parts.append([])
        parts[-1].extend(unit)
    return encoding, total, len(parts)


TEXTS = st.one_of(
    st.text(max_size=800),
    st.text(alphabet=TABLE + EXTENSION, max_size=800),
    st.text(alphabet="a€😀ж", max_size=400),
    st.builds(
        lambda c, n, d, m: c * n + d * m,
        st.sampled_from("a€😀жç"),
        st.sampled_from(
            [0, 1, 33, 34, 66, 67, 69, 70, 71, 79, 80, 133, 134, 152, 153, 154, 159, 160, 161, 305, 306, 307]
        ),
        st.sampled_from("a€😀ж"),
        st.integers(0, 3),
    ),
)


@given(TEXTS)
def test_it_counts_as_the_slow_way_does(text):
    size = text_size(text)
    assert (size.encoding, size.length, size.segments) == slowly(text)
    forced = [c for c in text if c not in TABLE and c not in EXTENSION]
    assert size.forced_by == (forced[0] if forced else "")


def test_the_alphabet_is_complete():
    assert set(TABLE) == GSM_BASIC
    assert len(GSM_BASIC) == 127
    assert set(EXTENSION) == GSM_EXTENDED


@pytest.mark.parametrize(
    ("text", "encoding", "length", "segments", "forced_by"),
    [
        ("", "GSM-7", 0, 0, ""),
        ("a" * 160, "GSM-7", 160, 1, ""),
        ("a" * 161, "GSM-7", 161, 2, ""),
        ("a" * 306, "GSM-7", 306, 2, ""),
        ("a" * 307, "GSM-7", 307, 3, ""),
        ("€" * 80, "GSM-7", 160, 1, ""),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3, ""),  # the euro sign does not fit into part 1, so it moves
        ("fa\u00e7ade", "UCS-2", 6, 1, "\u00e7"),
        ("\u00c7a va", "GSM-7", 5, 1, ""),
        ("ж" * 70, "UCS-2", 70, 1, "ж"),
        ("ж" * 71, "UCS-2", 71, 2, "ж"),
        ("😀" * 35, "UCS-2", 70, 1, "😀"),
        ("ж" * 66 + "😀" + "ж" * 66, "UCS-2", 134, 3, "ж"),  # the pair stays together
        ("Grüße – bis morgen", "UCS-2", 18, 1, "–"),
        ("\ud800", "UCS-2", 1, 1, "\ud800"),  # half a pair is still one unit
    ],
)
def test_borders(text, encoding, length, segments, forced_by):
    size = text_size(text)
    assert (size.encoding, size.length, size.segments, size.forced_by) == (encoding, length, segments, forced_by)
