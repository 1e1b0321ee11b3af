"""Run inside a D-Bus session of its own by test_real_secret_service.py: prints what happens as JSON.

Arguments: the SQLite file, and what to do.
"""

import json
import sys
from contextlib import closing
from pathlib import Path

import secretstorage

from crm_comm_hookspecs import SecretsUnavailable, Settings
from crm_comm_plugin.domain.clock import SystemClock
from crm_comm_plugin.secrets.build import build_secret_store
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.secret_rows import SealedSecretRows, SecretJournalRows
from crm_comm_plugin.storage.upgrade import ensure_schema


def lock(locked):
    with closing(secretstorage.dbus_init()) as bus:
        collection = secretstorage.get_collection_by_alias(bus, "default")
        if locked:
            collection.lock()


def items():
    with closing(secretstorage.dbus_init()) as bus:
        found = secretstorage.search_items(bus, {"username": "secret"})
        return sorted((item.get_attributes()["service"], item.get_secret().decode()) for item in found)


def story(store, words):
    ref = store.write("account", "password", "hunter2")
    long = store.write("account", "password", "\U0001f511" * 5000)
    yield {"state": store.state().state, "backend": store.state().backend, "kept": len(items())}
    yield {"read": store.read(ref), "long": store.read(long) == "\U0001f511" * 5000}
    store.remove(long)
    yield {"kept": items() == [(f"crm-comm/{ref}", "hunter2")]}
    lock(True)
    state = store.state()
    yield {"state": state.state, "hint": state.hint}
    for call in (lambda: store.read(ref), lambda: store.write("account", "password", "x")):
        try:
            yield {"never": call()}
        except SecretsUnavailable as error:
            yield {"code": error.code}
    words.append(ref)


def later(store, words):
    """Another login."""
    state = store.state()
    yield {"state": state.state, "backend": state.backend}
    try:
        yield {"read": store.read(words[0])}
    except SecretsUnavailable as error:
        yield {"code": error.code}


def fresh(store, words):
    """Nothing is stored yet."""
    state = store.state()
    yield {"state": state.state, "backend": state.backend, "hint": state.hint}


def move(store, words):
    report = store.move("database")
    yield {"done": report.done, "failed": report.failed, "kept": len(items()), "read": store.read(words[0])}
    yield {"backend": store.state().backend}


def main(path, what, *words):
    words = list(words)
    database = Database(f"sqlite:///{path}", on_open=ensure_schema)
    store = build_secret_store(
        Settings(),
        SealedSecretRows(database),
        SecretJournalRows(database),
        SystemClock(),
        embedded=True,
        data_dir=Path(path).parent,
    )
    answers = list({"story": story, "later": later, "fresh": fresh, "move": move}[what](store, words))
    database.close()
    print(json.dumps({"answers": answers, "words": words}))


if __name__ == "__main__":
    main(*sys.argv[1:])
