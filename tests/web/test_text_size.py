"""The live size of a text, which the host asks the plugin's preview for: it knows no alphabet itself."""

import pytest

from tests.web.hosting import EVERYTHING


@pytest.fixture
def texts(host):
    values = {"account_name": "Texts", "gateway": "sandbox", "country_code": "GB", "access_code": "ABCDEF"}
    return host.comm.save(EVERYTHING, "sms", "", values).id


def size(http, account, text):
    return http.post("/api/size", json={"account": account, "text": text}).json()


@pytest.mark.parametrize(
    ("text", "encoding", "length", "segments", "forced_by"),
    [
        ("Hello", "GSM-7", 5, 1, ""),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3, ""),  # the escape and its letter are not parted
        ("Français", "UCS-2", 8, 1, "ç"),
        ("😀" * 36, "UCS-2", 72, 2, "😀"),
        ("", "GSM-7", 0, 0, ""),
    ],
)
def test_as_the_plugin_counts(http, texts, text, encoding, length, segments, forced_by):
    found = size(http, texts, text)
    assert found == {"encoding": encoding, "length": length, "segments": segments, "forced_by": forced_by}


def test_an_email_account_has_no_size_and_odd_calls_do_no_harm(http, host, texts):
    assert http.post("/api/size", json={"account": host.add(), "text": "x"}).status_code == 400
    assert http.post("/api/size", json={"account": "nobody", "text": "x"}).status_code == 404
    for odd in (
        {},
        {"account": 1, "text": "x"},
        {"account": texts, "text": ["x"]},
        {"account": texts, "text": "x" * 50_001},
    ):
        assert http.post("/api/size", json=odd).json() is None
    half = http.post("/api/size", content=f'{{"account": "{texts}", "text": "\\ud800"}}')
    assert (half.status_code, half.json()) == (200, None)
