"""Sending over real databases."""

import pytest

from tests.sending.worlds import World


@pytest.fixture
def world(database, clock) -> World:
    return World(database, clock)
