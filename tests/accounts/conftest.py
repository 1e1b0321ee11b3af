"""What all tests of accounts share."""

import pytest

from tests.accounts.world import World


@pytest.fixture
def world(database):
    return World(database)
