"""Files of others are the ones that were looked at: their checksums are recorded, their licences kept."""

import hashlib
from pathlib import Path

from crm_comm_plugin.hosts.web.app import STATIC

HERE = Path(__file__).parent
VENDORED = {
    STATIC / "vendor" / "htmx-4.0.1.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    STATIC / "vendor" / "pico-2.1.1.min.css": "fbc9a63fc9fc9f72d12fd7fc9806e11fa9f77ae4f9cad146b27003a1119ba3db",
    HERE / "vendor" / "axe-core-4.14.1.min.js": "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
}


def test_checksums():
    for path, checksum in VENDORED.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == checksum, path.name


def test_nothing_else_is_vendored_and_each_has_its_licence():
    files = {*(STATIC / "vendor").iterdir(), *(HERE / "vendor").iterdir()}
    licences = {path for path in files if path.name.startswith("LICENSE.")}
    assert files - licences == set(VENDORED)
    assert {path.name for path in licences} == {"LICENSE.htmx.txt", "LICENSE.pico.txt", "LICENSE.axe-core.txt"}


def test_own_scripts_need_no_eval_and_no_html_from_texts():
    for path in STATIC.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        for word in ("eval(", "new Function", "innerHTML", "outerHTML =", "insertAdjacentHTML", "document.write"):
            assert word not in text, (path.name, word)


def test_own_css_is_small():
    import gzip

    size = sum(len(gzip.compress(path.read_bytes())) for path in STATIC.glob("*.css"))
    assert size < 12_000


def test_every_page_says_what_it_is():
    for path in STATIC.glob("*.js"):
        assert path.read_text(encoding="utf-8").startswith("// "), path.name
