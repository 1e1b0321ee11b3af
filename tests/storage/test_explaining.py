"""What an error of the database tells: never what was being stored, also not to whoever logs the whole traceback."""

import traceback

import pytest
from sqlalchemy import text

from crm_comm_hookspecs import CommError
from crm_comm_plugin.storage.database import Database


def test_a_traceback_holds_nothing_of_what_was_being_stored(database_url):
    database = Database(database_url)
    secret = "-".join(["an", "address", "or", "token"])
    with pytest.raises(CommError) as caught, database.write() as connection:
        connection.execute(text("INSERT INTO crm_comm_no_such_table VALUES (:value)"), {"value": secret})
    database.close()
    told = "".join(traceback.format_exception(caught.value))
    assert "crm_comm_no_such_table" in told, "or it would prove nothing"
    assert secret not in told
