"""HostSuite: derive a test class from it, write an adapter to your host, and it shows what your host still lacks."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from ..facade import Communication
from ..markers import ALL_PERMISSIONS
from ..rendering import Context, Result
from .fakes import start
from .hostile import SECRET
from .scripted import MARKUP, TOKEN, ScriptedPlugin

ALICE = Context(user="alice", permissions=ALL_PERMISSIONS)


class HostAdapter(Protocol):
    """How the suite drives a host. Each method does what a person would and answers what that person then sees,
    as text in whatever form the host has: HTML, JSON, lines of a terminal."""

    html: bool
    """True when what is seen is HTML, which must escape what it shows."""

    def viewer(self, name: str, search: str = "") -> str:
        """Open a list."""
        ...

    def editor(self, name: str, id: str = "") -> str:
        """Open a form."""
        ...

    def check(self, editor: str, id: str, values: Mapping[str, Any], changed: str) -> str | None:
        """Change a field of an open form and wait for the advice; None where the host gives none."""
        ...

    def save(self, editor: str, id: str, values: Mapping[str, Any]) -> str:
        """Open a form, type these values, leave the others alone, and save."""
        ...

    def run(self, action: str, ids: Iterable[str], *, viewer: str = "accounts", yes: bool = True) -> str:
        """Press a button of a list; yes: how the question is answered where one is put."""
        ...


class LiveAdapter(Protocol):
    """For hosts with live checks: answers can be held back and let go in another order."""

    def type(self, changed: str, values: Mapping[str, Any]) -> object:
        """Change a field and let the host ask; a ticket for its question."""
        ...

    def answer(self, ticket: object, result: Result) -> None:
        """Let the answer to that question arrive."""
        ...

    def seen(self) -> str:
        """What is seen now."""
        ...


class HostSuite:
    """Override `host`; for live checks also `live`. Permissions of `ALICE` are all there are."""

    def host(self, comm: Communication) -> HostAdapter:
        """Your host, with this Communication, for the person ALICE."""
        raise NotImplementedError

    def live(self, comm: Communication) -> LiveAdapter | None:
        """Your host's live checks, or None where it has none."""
        return None

    def opened(self) -> tuple[HostAdapter, ScriptedPlugin]:
        """A host over a fresh plugin."""
        plugin = ScriptedPlugin()
        return self.host(start(plugin)), plugin

    def test_a_list_shows_every_kind_of_cell_and_what_it_does_not_know_as_text(self) -> None:
        host, _ = self.opened()
        seen = host.viewer("accounts")
        for words in ("Communication Accounts", "Account", "State", "Used", "Sign-in failed", "132 of 500", "Oddity"):
            assert words in seen, f"the list lacks {words!r}"
        assert "shown as text" in seen, "a column of an unknown format is shown as text"
        assert "Badge(" not in seen, "a cell is shown by its words, not by its repr"
        assert "Meter(" not in seen
        for label in ("New Account", "Edit It", "Delete Them", "Test It", "Levitate"):
            assert label in seen, f"the toolbar lacks {label!r}"

    def test_what_is_shown_is_escaped(self) -> None:
        host, _ = self.opened()
        for seen in (host.viewer("accounts"), host.editor("email", "1")):
            assert "Ann" in seen
            assert not (host.html and MARKUP in seen), "text from the plugin is plain: escape it"

    def test_an_empty_list_says_so(self) -> None:
        host, plugin = self.opened()
        assert "None yet." in host.viewer("accounts", search="nobody")
        assert plugin.of("list_rows")[-1]["query"].search == "nobody"

    def test_a_form_shows_every_kind_of_field_and_what_it_does_not_know_as_text(self) -> None:
        host, _ = self.opened()
        seen = host.editor("email", "1")
        labels = ("E-mail Account", "Account Name", "Server Host", "Country Phone Code", "Password", "Private Notes")
        for words in (*labels, "Aura of Tomorrow", "Trusted Relay", "mail.example.org", "587", "Test Connection"):
            assert words in seen, f"the form lacks {words!r}"

    def test_a_stored_secret_is_shown_as_set_and_a_typed_one_never_comes_back(self) -> None:
        host, plugin = self.opened()
        assert "set on 3 May" in host.editor("email", "1")
        plugin.answer = Result(ok=False, errors={"host": ["This server does not exist."]})
        seen = host.save("email", "1", {"password": SECRET})
        assert plugin.of("save")[-1]["values"]["password"] == SECRET
        assert SECRET not in seen, "never put a secret back into the form"
        assert SECRET not in (host.check("email", "1", {"password": SECRET}, "host") or "")

    def test_advice_is_shown_where_it_belongs(self) -> None:
        host, plugin = self.opened()
        seen = host.check("email", "1", {"host": "mail.example.org"}, "host")
        if seen is None:
            return
        assert "A guess for host." in seen
        assert plugin.of("check")[-1]["changed"] == "host"
        assert plugin.of("save") == [], "advice stores nothing"

    def test_a_save_sends_what_was_typed_with_the_version_it_was_opened_with(self) -> None:
        host, plugin = self.opened()
        assert "Saved as it should be." in host.save("email", "1", {"account_name": "Sales", "active": False})
        (sent,) = plugin.of("save")
        assert (sent["id"], sent["version"]) == ("1", "v7")
        assert sent["values"]["account_name"] == "Sales"
        assert sent["values"]["active"] in (False, "false", ""), "an unchecked box is sent as false, not left out"
        assert sent["values"].get("password", "") == "", "a secret nobody typed is left out or empty"
        assert "unknown_cell" not in sent["values"]

    def test_errors_of_a_save_are_shown_and_nothing_typed_is_lost(self) -> None:
        host, plugin = self.opened()
        plugin.answer = Result(ok=False, errors={"host": ["No such host."], "": ["Please look again."]})
        seen = host.save("email", "1", {"account_name": "Typed with care"})
        assert "No such host." in seen
        assert "Please look again." in seen
        assert "Typed with care" in seen

    def test_a_conflict_is_told(self) -> None:
        host, plugin = self.opened()
        plugin.answer = Result(ok=False, conflict=True, level="warn", message="Bob changed the port at 09:14.")
        assert "Bob changed the port" in host.save("email", "1", {"account_name": "Mine"})

    def test_a_question_is_put_before_a_deletion_and_its_answer_counts(self) -> None:
        host, plugin = self.opened()
        seen = host.run("delete", ["1"], yes=False)
        assert "The campaign Spring uses it." in seen, (
            "put the question that confirm() answers: it says what is at stake"
        )
        assert plugin.of("run") == [], "No means no"
        assert "delete is done." in host.run("delete", ["1"], yes=True)
        (sent,) = plugin.of("run")
        assert sent["confirmed"] == TOKEN, "hand over the token of the question"
        assert tuple(sent["ids"]) == ("1",)

    def test_an_action_without_a_question_is_run(self) -> None:
        host, plugin = self.opened()
        assert "test is done." in host.run("test", ["1"])
        assert [sent["action"] for sent in plugin.of("run")] == ["test"]

    def test_create_and_edit_open_the_form_and_are_never_run(self) -> None:
        host, plugin = self.opened()
        host.run("new", [])
        host.run("edit", ["1"])
        assert plugin.of("run") == []
        assert [sent["id"] for sent in plugin.of("open_record")] == ["", "1"]

    def test_an_error_is_shown_with_its_next_step(self) -> None:
        host, plugin = self.opened()
        plugin.broken = True
        seen = host.viewer("accounts")
        assert "Start the database." in seen
        assert "Traceback" not in seen

    def test_the_last_answer_of_a_live_check_wins(self) -> None:
        live = self.live(start(ScriptedPlugin()))
        if live is None:
            return
        first = live.type("host", {"host": "a"})
        second = live.type("host", {"host": "ab"})
        live.answer(second, Result(hints={"host": ["Advice for ab."]}))
        live.answer(first, Result(hints={"host": ["Advice for a."]}))
        assert "Advice for ab." in live.seen()
        assert "Advice for a." not in live.seen()
