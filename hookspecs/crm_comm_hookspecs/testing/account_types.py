"""AccountTypeSuite: derive a test class from it, and it shows that an account type keeps the contract."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError

from ..errors import CommError
from ..extending import AccountType
from ..formfields import fields_of
from ..jsonable import to_json
from ..markers import ALL_PERMISSIONS, hookimpl
from ..messages import Recipient, Rejected
from ..rendering import Context, Result
from ..working import Account
from .answering import asked, expected, line, unseen
from .fakes import start
from .hostile import HOSTILE


class AccountTypeSuite:
    """Override `account_type` and `values`, and what differs; secrets should be `hostile.SECRET`."""

    def account_type(self) -> AccountType:
        """The type."""
        raise NotImplementedError

    def values(self) -> Mapping[str, Any]:
        """A form that can be saved, without secrets."""
        raise NotImplementedError

    def secrets(self) -> Mapping[str, str]:
        """Secret fields of that form."""
        return {}

    def good_addresses(self) -> Sequence[str]:
        """Addresses as people type them that can be sent to."""
        return ()

    def bad_addresses(self) -> Sequence[str]:
        """Addresses that cannot be sent to."""
        return ()

    def account(self) -> Account:
        """An account as the plugin would hand it over."""
        kind = self.account_type()
        name = str(self.values().get("account_name", "Test"))
        return Account(
            id="1", name=name, type=kind.key, channel=kind.channel, active=True, sender="", status="untested"
        )

    def test_it_is_accepted_by_the_facade(self) -> None:
        kind = self.account_type()

        class Plugin:
            @hookimpl
            def crm_comm_account_types(self) -> list[AccountType]:
                return [kind]

        with start() as comm:
            comm.register(Plugin(), "plugin_under_test")
            found = comm.contributions("crm_comm_account_types")
            assert comm.failures == (), comm.failures
            assert [c.value for c in found] == [kind]

    def test_its_form_can_be_shown(self) -> None:
        kind = self.account_type()
        context = Context(user="alice", locale="en")
        shown = {field.name: field for field in asked("fields_of", fields_of, kind.editor.schema, context)}
        lacks = {"account_name", "active", "limitation", "limitation_count"} - set(shown)
        assert not lacks, f"the form lacks {', '.join(sorted(lacks))}: derive its schema from AccountSchema"
        for field in shown.values():
            assert field.label, f"{field.name} has no label"
            assert {*field.when, *field.required_when} <= set(shown), f"{field.name} depends on an unknown field"
            assert not (field.secret and field.default), f"{field.name} shows a secret"
        assert "schema" not in to_json(kind.editor), "to_json gives an editor's fields, never its schema"
        assert kind.label, "the account type has no label"
        assert kind.editor.title, "the editor has no title"

    def _loaded(self) -> dict[str, Any]:
        schema = self.account_type().editor.schema
        try:
            return dict(asked("the form", schema().load, {**self.values(), **self.secrets()}))
        except ValidationError as error:
            raise AssertionError(
                f"values() and secrets() should be a form that can be saved: {error.messages}"
            ) from error

    def test_its_form_can_be_loaded(self) -> None:
        schema = self.account_type().editor.schema
        assert self._loaded()["account_name"], "values() has an account_name"
        assert set(self.secrets()) <= set(schema.secret_fields()), "mark each secret field as one"
        assert not set(self.values()) & set(schema.secret_fields()), "values() is the form without its secrets"
        assert set(schema.binding_fields()) <= set(schema._declared_fields), "bound_fields names unknown fields"

    def test_bad_input_is_an_error_at_its_field(self) -> None:
        schema = self.account_type().editor.schema
        good = {**self.values(), **self.secrets()}
        for name in schema._declared_fields:
            for value in (*HOSTILE, *ORDINARY):
                try:
                    asked(f"the form with {str(value)[:40]!r} in {name}", schema().load, {**good, name: value})
                except ValidationError as error:
                    messages = errors_of(error)
                    assert messages, f"{name}: an error without words"
                    unseen(f"the error at {name}", messages)
                    str(messages).encode()

    def test_unknown_fields_are_errors(self) -> None:
        schema = self.account_type().editor.schema
        try:
            schema().load({**self.values(), **self.secrets(), "no_such_field": "x"})
        except ValidationError as error:
            assert "no_such_field" in errors_of(error), "an unknown field is an error at its name"
        else:
            raise AssertionError("an unknown field was taken")

    def test_it_connects_without_sending(self) -> None:
        kind = self.account_type()
        hidden = kind.editor.schema.secret_fields()
        values = {name: value for name, value in self._loaded().items() if name not in hidden}
        answer = asked("connect", kind.connect, self.account(), values, dict(self.secrets()))
        with line("connect", answer) as transport:
            unseen("the transport's repr", transport)

    def _normalised(self, recipient: Recipient) -> Recipient | Rejected:
        normalise = self.account_type().normalise
        if normalise is None:
            return recipient
        what = f"normalise of {recipient.address[:40]!r}"
        answer = asked(what, normalise, recipient, self.values())
        fits = isinstance(answer, Recipient | Rejected)
        assert fits, f"{what} must answer a Recipient or a Rejected, not {type(answer).__name__}"
        return answer

    def test_addresses_are_normalised_once_and_for_all(self) -> None:
        if self.account_type().normalise is None:
            return
        for address in self.good_addresses():
            once = self._normalised(Recipient(address, "Ann", {"id": 7}))
            assert isinstance(once, Recipient), f"{address!r} was rejected"
            assert (once.name, once.fields) == ("Ann", {"id": 7}), "name and fields are the caller's"
            assert self._normalised(once) == once, "normalising again changes nothing"

    def test_addresses_that_cannot_work_are_rejected_in_words(self) -> None:
        if self.account_type().normalise is None:
            return
        for address in (*self.bad_addresses(), "", " ", *[text for text in HOSTILE if isinstance(text, str)]):
            answer = self._normalised(Recipient(address))
            if isinstance(answer, Rejected):
                assert answer.detail, f"say why {address[:40]!r} is rejected"
            else:
                assert address not in self.bad_addresses(), f"{address!r} was taken"
                assert answer.address.isprintable(), f"{address[:40]!r} was taken as it is"

    def test_its_own_actions_answer_without_secrets(self) -> None:
        kind = self.account_type()
        actions = [action.name for action in kind.editor.actions if action.kind == "run"]
        run, context = kind.run, Context(user="alice", permissions=ALL_PERMISSIONS)
        if run is None:
            nobodys = sorted(set(actions) - {"test_connection"})  # that one is answered with diagnose
            assert not nobodys, f"the editor has {', '.join(nobodys)}, yet the account type has no run"
            return
        for action in actions:
            given = (context, action, self.account(), dict(self.values()), dict(self.secrets()))
            try:
                answer = asked(f"run of {action}", run, *given)
            except CommError as error:
                unseen(f"the error of {action}", error)
                continue
            expected(f"run of {action}", answer, Result)
            unseen(f"the Result of {action}", answer)


ORDINARY = ("Zoë & 7", "0", "")
"""What a person may type anywhere: a validator must take or refuse it, not break."""


def errors_of(error: ValidationError) -> dict[str, Any]:
    """Field -> [text]."""
    return dict(error.messages) if isinstance(error.messages, dict) else {"": error.messages}
