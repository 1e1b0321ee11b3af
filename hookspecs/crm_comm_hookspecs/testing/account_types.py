"""AccountTypeSuite: derive a test class from it, and it shows that an account type keeps the contract."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError

from ..errors import CommError
from ..extending import AccountType, Transport
from ..formfields import fields_of
from ..jsonable import to_json
from ..markers import ALL_PERMISSIONS, hookimpl
from ..messages import Recipient, Rejected
from ..rendering import Context, Result
from ..working import Account
from .fakes import start
from .hostile import HOSTILE, SECRET


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
        shown = {field.name: field for field in fields_of(kind.editor.schema, Context(user="alice", locale="en"))}
        assert {"account_name", "active", "limitation", "limitation_count"} <= set(shown)
        assert all(field.label for field in shown.values())
        for field in shown.values():
            assert {*field.when, *field.required_when} <= set(shown), f"{field.name} depends on an unknown field"
            assert not (field.secret and field.default), f"{field.name} shows a secret"
        assert "schema" not in to_json(kind.editor)
        assert kind.label
        assert kind.editor.title

    def test_its_form_can_be_loaded(self) -> None:
        schema = self.account_type().editor.schema
        loaded = schema().load({**self.values(), **self.secrets()})
        assert loaded["account_name"]
        assert set(self.secrets()) <= set(schema.secret_fields()), "mark each secret field as one"
        assert not set(self.values()) & set(schema.secret_fields()), "values() is the form without its secrets"
        assert set(schema.binding_fields()) <= set(schema._declared_fields), "bound_fields names unknown fields"

    def test_bad_input_is_an_error_at_its_field(self) -> None:
        schema = self.account_type().editor.schema
        good = {**self.values(), **self.secrets()}
        for name in schema._declared_fields:
            for value in HOSTILE:
                try:
                    schema().load({**good, name: value})
                except ValidationError as error:
                    messages = errors_of(error)
                    assert messages, f"{name}: an error without words"
                    assert SECRET not in str(messages)
                    str(messages).encode()

    def test_unknown_fields_are_errors(self) -> None:
        try:
            self.account_type().editor.schema().load({**self.values(), **self.secrets(), "no_such_field": "x"})
        except ValidationError as error:
            assert "no_such_field" in errors_of(error)
        else:
            raise AssertionError("an unknown field was taken")

    def test_it_connects_without_sending(self) -> None:
        schema = self.account_type().editor.schema
        loaded = schema().load({**self.values(), **self.secrets()})
        values = {name: value for name, value in loaded.items() if name not in schema.secret_fields()}
        transport = self.account_type().connect(self.account(), values, dict(self.secrets()))
        try:
            assert isinstance(transport, Transport)
            assert SECRET not in repr(transport)
        finally:
            transport.close()

    def test_addresses_are_normalised_once_and_for_all(self) -> None:
        normalise = self.account_type().normalise
        if normalise is None:
            return
        for address in self.good_addresses():
            once = normalise(Recipient(address, "Ann", {"id": 7}), self.values())
            assert isinstance(once, Recipient), f"{address!r} was rejected"
            assert (once.name, once.fields) == ("Ann", {"id": 7}), "name and fields are the caller's"
            assert normalise(once, self.values()) == once, "normalising again changes nothing"

    def test_addresses_that_cannot_work_are_rejected_in_words(self) -> None:
        normalise = self.account_type().normalise
        if normalise is None:
            return
        for address in (*self.bad_addresses(), "", " ", *[text for text in HOSTILE if isinstance(text, str)]):
            answer = normalise(Recipient(address), self.values())
            if isinstance(answer, Rejected):
                assert answer.detail, f"say why {address[:40]!r} is rejected"
            else:
                assert address not in self.bad_addresses(), f"{address!r} was taken"
                assert answer.address.isprintable(), f"{address[:40]!r} was taken as it is"

    def test_its_own_actions_answer_without_secrets(self) -> None:
        kind = self.account_type()
        actions = [action.name for action in kind.editor.actions if action.kind == "run"]
        if kind.run is None:
            return
        context = Context(user="alice", permissions=ALL_PERMISSIONS)
        for action in actions:
            try:
                answer = kind.run(context, action, self.account(), dict(self.values()), dict(self.secrets()))
            except CommError as error:
                assert SECRET not in str(error)
                continue
            assert isinstance(answer, Result)
            assert SECRET not in repr(answer)


def errors_of(error: ValidationError) -> dict[str, Any]:
    """Field -> [text]."""
    return dict(error.messages) if isinstance(error.messages, dict) else {"": error.messages}
