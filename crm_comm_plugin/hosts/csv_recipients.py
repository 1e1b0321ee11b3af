"""Recipients in a CSV file as spreadsheets write them: read lazily, or explained with the number of the line.

Standard library only, so that the command line can use it without the web host's packages.
"""

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from crm_comm_hookspecs import InvalidInput, Recipient

MAX_LINE = 1_000_000
"""Characters of one line: above that the file is no CSV, and it is not read into memory."""
MAX_COLUMNS = 500
SEPARATORS = ",;\t|"
_EMAIL = frozenset({"email", "mail", "emailaddress", "emailadresse", "mailaddress"})
_PHONE = frozenset(
    {"phone", "mobile", "number", "phonenumber", "mobilenumber", "mobilephone", "tel", "telephone", "cell"}
)
_ADDRESS = frozenset({"address", "recipient", "to"})
_WANTED = {"email": (_EMAIL, _ADDRESS), "sms": (_PHONE, _ADDRESS)}
_NAME = frozenset({"name", "fullname", "displayname"})
_FIRST, _LAST = frozenset({"firstname", "givenname"}), frozenset({"lastname", "surname", "familyname"})
_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SIGNATURES = {
    b"PK\x03\x04": "an Excel or OpenDocument workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a compressed file",
}


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things stand in a row. header: the columns' names, if the file has them; many: all cells are addresses."""

    address: int
    header: tuple[str, ...] = ()
    name: tuple[int, ...] = ()
    many: bool = False


def read_recipients(path: Path, channel: str) -> Iterator[Recipient]:
    """The recipients of a CSV file in order, with the other columns as `fields`; memory stays flat.

    channel: "email" or "sms", whose column is looked for (email / phone, else address). A file without a header is read
    as a list of addresses. Raises InvalidInput, with the line's number, for what cannot be read.
    """
    with path.open("rb") as raw:
        encoding = _encoding(raw)
    with path.open(encoding=encoding, newline="") as file:
        rows = _rows(file)
        number, first = next(rows, (0, []))
        if not first:
            _refuse(
                "There are no recipients: it is empty.",
                "Give a CSV with a column email or phone, or one address a line.",
            )
        layout = _layout(first, channel, number)
        if not layout.header:
            yield from _recipients(number, first, layout)
        for number, row in rows:
            yield from _recipients(number, row, layout)


def _encoding(raw: IO[bytes]) -> str:
    """The encoding: by its mark, else UTF-8 where all of it is, else what Western spreadsheets write."""
    start = raw.read(4)
    for signature, kind in _SIGNATURES.items():
        if start.startswith(signature):
            _refuse(f"This is {kind}, not a CSV.", "Open it in its program and save it as CSV.")
    for mark, name in _ENCODINGS:
        if start.startswith(mark):
            return name
    for name in ("utf-8", "cp1252"):
        raw.seek(0)
        if _decodes(raw, name):
            return name
    return "latin-1"


def _decodes(raw: IO[bytes], name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    try:
        while chunk := raw.read(1 << 16):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _rows(file: IO[str]) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of every row that is not empty."""
    lines = _lines(file)
    number, first = next(lines, (0, ""))
    while number and not first.strip():
        number, first = next(lines, (0, ""))
    separator = re.fullmatch(r'"?sep=(.)"?', first.strip(), re.IGNORECASE)
    delimiter = separator[1] if separator else _separator(first)
    at = number + 1 if separator else number
    position = [at]

    def fed() -> Iterator[str]:
        if not separator:
            yield first
        for count, line in lines:
            position[0] = count
            yield line

    reader = csv.reader(fed(), delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            _refuse(f"Line {at}: {_words(error)}", "Mend that line, or save the file again as CSV.")
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield at, row
        at = position[0] + 1


def _lines(file: IO[str]) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                _refuse(f"Line {number} is longer than a million characters.", "Is this a CSV? Save it again as CSV.")
            if "\0" in line:
                _refuse(f"Line {number} holds characters that no text has.", "Is this a CSV? Save it again as CSV.")
            yield number, line
    except UnicodeError:
        _refuse(f"Line {number + 1} cannot be decoded.", "Save the file again as CSV in UTF-8.")


def _separator(line: str) -> str:
    """The separator that stands most often in the first line, outside quotes."""
    bare = re.sub(r'"[^"]*"', "", line)
    return max(SEPARATORS, key=lambda s: (bare.count(s), s == ","))


def _words(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end" in text or "field limit" in text:
        return "a quote is opened here and never closed."
    return "a quoted text is followed by something else than the separator."


def _layout(row: Sequence[str], channel: str, number: int) -> _Layout:
    if len(row) > MAX_COLUMNS:
        _refuse(f"Line {number} has {len(row)} columns.", f"Keep at most {MAX_COLUMNS}.")
    keys = [re.sub(r"[\W_]+", "", cell.casefold()) for cell in row]
    for names in _WANTED.get(channel, (_ADDRESS, _EMAIL, _PHONE)):
        for index, key in enumerate(keys):
            if key in names:
                return _Layout(index, tuple(cell.strip() for cell in row), _name_columns(keys))
    like = [index for index, cell in enumerate(row) if _looks_like_address(cell, channel)]
    if not like:
        column = "phone" if channel == "sms" else "email"
        found = ", ".join(cell.strip()[:40] for cell in row[:8] if cell.strip())
        problem = f"Line {number}: there is no column {column} or address, only: {found}."
        _refuse(problem, f"Call the column with the addresses {column} in the first line.")
    filled = sum(1 for cell in row if cell.strip())
    return _Layout(like[0], many=len(like) == filled > 1)


def _name_columns(keys: Sequence[str]) -> tuple[int, ...]:
    for names in (_NAME, _FIRST | _LAST):
        if found := tuple(index for index, key in enumerate(keys) if key in names):
            return found
    return ()


def _looks_like_address(cell: str, channel: str) -> bool:
    if channel == "sms":
        return bool(re.fullmatch(r"[+\d][\d\s()./-]{4,}", cell.strip()))
    return "@" in cell.strip()[1:-1]


def _recipients(number: int, row: Sequence[str], layout: _Layout) -> Iterator[Recipient]:
    if layout.many:
        yield from (Recipient(cell.strip()) for cell in row if cell.strip())
        return
    columns = len(layout.header)
    if columns and any(cell.strip() for cell in row[columns:]):
        _refuse(
            f"Line {number} has {len(row)} columns, the first line has {columns}.",
            'Put a text that holds the separator into quotes: "Miller, Ann".',
        )
    cells = [cell.strip() for cell in row] + [""] * (columns - len(row))
    name = " ".join(cells[index] for index in layout.name if cells[index])
    fields = {key: cells[index] for index, key in reversed(list(enumerate(layout.header))) if key}
    yield Recipient(cells[layout.address] if layout.address < len(cells) else "", name, fields)


def _refuse(problem: str, hint: str) -> NoReturn:
    raise InvalidInput(problem, hint=hint, code="unreadable_csv")
