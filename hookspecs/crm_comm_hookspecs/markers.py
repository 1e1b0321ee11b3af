"""The pluggy markers, the contract's version and the permissions a host can grant."""

import pluggy

PROJECT_NAME = "crm"
"""Default pluggy project name, and the entry-point group that plugins are loaded from."""

CONTRACT_VERSION = (1, 0)
"""(major, minor): the contract only grows within a major version."""

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)

PERMISSION_VIEW = "communication.view"
PERMISSION_EDIT = "communication.edit"
PERMISSION_DELETE = "communication.delete"
PERMISSION_PURCHASE = "communication.purchase"
PERMISSION_SEND = "communication.send"

ALL_PERMISSIONS: frozenset[str] = frozenset(
    {PERMISSION_VIEW, PERMISSION_EDIT, PERMISSION_DELETE, PERMISSION_PURCHASE, PERMISSION_SEND}
)
