"""CSVs as people have them are read; what cannot be read is explained with the number of its line."""

import contextlib
import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_comm_hookspecs import InvalidInput
from crm_comm_plugin.hosts.csv_recipients import MAX_LINE, read_recipients


def read(tmp_path: Path, data: bytes | str, channel: str = "email"):
    path = tmp_path / "people.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(read_recipients(path, channel))


def addresses(tmp_path: Path, data: bytes | str, channel: str = "email") -> list[str]:
    return [recipient.address for recipient in read(tmp_path, data, channel)]


@pytest.mark.parametrize(
    "data",
    [
        "email,name\na@x.org,Ann\nb@x.org,Bob\n",
        "email;name\na@x.org;Ann\nb@x.org;Bob",
        "E-Mail\tName\r\na@x.org\tAnn\r\nb@x.org\tBob\r\n",
        "name|Email address\rAnn|a@x.org\rBob|b@x.org",
        "sep=;\nName;Email\nAnn;a@x.org\nBob;b@x.org\n",
        '"E_MAIL", "name"\n"a@x.org", "Ann"\n\n"b@x.org","Bob"\n',
        "\n\nemail\na@x.org\n\n  \nb@x.org\n",
        "a@x.org\nb@x.org\n",
        "a@x.org, b@x.org",
        "Ann;a@x.org\nBob;b@x.org",
        "id,address\n1,a@x.org\n2,b@x.org",
    ],
)
def test_spellings(tmp_path, data):
    assert addresses(tmp_path, data) == ["a@x.org", "b@x.org"]
    assert addresses(tmp_path, b"\xef\xbb\xbf" + data.encode()) == ["a@x.org", "b@x.org"]
    assert addresses(tmp_path, data.encode("utf-16")) == ["a@x.org", "b@x.org"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-32"])
def test_encodings(tmp_path, encoding):
    (found,) = read(tmp_path, "email;Vorname;Name\nzoe@x.org;Zoë;Müller\n".encode(encoding))
    assert (found.name, found.fields["Vorname"]) == ("Müller", "Zoë")


def test_a_byte_that_no_western_text_has_is_still_read(tmp_path):
    assert addresses(tmp_path, b"email;x\na@x.org;\x81\xe9\n") == ["a@x.org"]


def test_quotes_lines_and_separators_inside_a_cell(tmp_path):
    (found,) = read(tmp_path, 'email,name\na@x.org,"Miller, ""Ann""\nII"\n')
    assert found.name == 'Miller, "Ann"\nII'


def test_names_and_numbers(tmp_path):
    (found,) = read(tmp_path, "First Name,Last Name,Mobile phone,email\nAnn,Lee,+44 7400 123456,a@x.org\n", "sms")
    assert (found.address, found.name) == ("+44 7400 123456", "Ann Lee")
    assert addresses(tmp_path, "07400 123456\n+44 7400 123457", "sms") == ["07400 123456", "+44 7400 123457"]


def test_an_empty_address_stays_a_recipient_so_that_somebody_is_told(tmp_path):
    assert addresses(tmp_path, "email,name\n,Ann\nb@x.org,Bob\n") == ["", "b@x.org"]


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        ("name,city\nAnn,Rome\n", 1, "no column email"),
        ("\n\nname;city\nAnn;Rome\n", 3, "name, city"),
        ('email,name\na@x.org,"Ann\nb@x.org,Bob\n', 2, "never closed"),
        ('email,name\na@x.org,Ann\nb@x.org,"Bob" x\n', 3, "quoted"),
        ("email,name\na@x.org,Lee, Ann\n", 2, "3 columns"),
        ("email\na@x.org\nb\0@x.org\n", 3, "characters"),
        ("email\n" + "x" * (MAX_LINE + 5), 2, "million"),
        ("email," + "x," * 600 + "\n", 1, "columns"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, data, line, words):
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, data)
    assert f"ine {line}" in caught.value.message
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "no recipients"), (b"\n \n", "no recipients"), (b"PK\x03\x04rest", "Excel"), (b"%PDF-1.7", "PDF")],
)
def test_no_csv_at_all(tmp_path, data, words):
    with pytest.raises(InvalidInput, match=words):
        read(tmp_path, data)


def test_a_million_rows_in_flat_memory(tmp_path):
    path = tmp_path / "many.csv"
    with path.open("w") as file:
        file.write("email;name\n")
        file.writelines(f"person{n}@example.com;Person {n}\n" for n in range(1_000_000))
    tracemalloc.start()
    try:
        rows = read_recipients(path, "email")
        assert sum(1 for _, row in zip(range(200_000), rows, strict=False) if row.address) == 200_000
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
        rows.close()
    finally:
        tracemalloc.stop()
    assert sum(1 for _ in read_recipients(path, "email")) == 1_000_000


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=20)


@settings(max_examples=150)
@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8), delimiter=st.sampled_from(",;\t|"))
def test_what_python_writes_is_read_back(tmp_path_factory, rows, delimiter):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(["email", "name"])
    writer.writerows(rows)
    path = tmp_path_factory.mktemp("csv") / "people.csv"
    path.write_bytes(text.getvalue().encode())
    found = [(one.address, one.name) for one in read_recipients(path, "email")]
    assert found == [(a.strip(), n.strip()) for a, n in rows if a.strip() or n.strip()]


@settings(max_examples=300)
@given(
    data=st.binary(max_size=300) | st.text(max_size=100).map(str.encode), channel=st.sampled_from(["email", "sms", "x"])
)
def test_any_bytes_are_read_or_explained(tmp_path_factory, data, channel):
    path = tmp_path_factory.mktemp("csv") / "people.csv"
    path.write_bytes(data)
    with contextlib.suppress(InvalidInput):
        list(read_recipients(path, channel))
