"""Who may do what (contract, rule 8): the permission of each action, and the answer when it is missing."""

from crm_comm_hookspecs import (
    PERMISSION_DELETE,
    PERMISSION_EDIT,
    PERMISSION_PURCHASE,
    PERMISSION_SEND,
    Context,
    NotPermitted,
    Result,
)

_DELETING = frozenset({"delete", "undo", "restore"})
_SPENDING = frozenset({"purchase_credits"})


def require(context: Context, permission: str) -> None:
    """Raise NotPermitted unless the context has the permission."""
    if permission not in context.permissions:
        raise NotPermitted(f"This needs the permission {permission}.")


def require_trust(context: Context | None) -> None:
    """Services are for trusted code (no context) and for whoever may send."""
    if context is not None:
        require(context, PERMISSION_SEND)


def sees_foreign_words(context: Context | None) -> bool:
    """True for whoever may see what a server said itself: it can say anything to anybody who reads it."""
    return context is None or PERMISSION_EDIT in context.permissions


def refusal(context: Context, permission: str) -> Result | None:
    """The Result for somebody who lacks the permission, or None."""
    if permission in context.permissions:
        return None
    text = f"You are not allowed to do this. Ask an administrator of the CRM for {permission}."
    return Result(ok=False, level="bad", message=text)


def permission_for(action: str) -> str:
    """The permission that running an action needs."""
    if action in _DELETING:
        return PERMISSION_DELETE
    return PERMISSION_PURCHASE if action in _SPENDING else PERMISSION_EDIT
