"""What asking again cannot mend ends the run, and what might mend itself is asked again: one line says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import certificates
import postgres_stage as stage
import pytest
from oneline import assert_one_line

from incumbent import BackendRejectedError, BackendUnavailableError, ElectionError, open_backend

#: None of this is about time.
PATIENT = stage.settings(60.0)
ROLES = ["user", "owner", "few", "app"]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stage.Postgres]:
    """A server with users who may do little, and databases of many kinds."""
    authority = certificates.Authority(tmp_path_factory.mktemp("tls"))
    made = stage.Postgres(
        hba=["host all app 127.0.0.1/32 scram-sha-256"],
        sql=[
            *(f"CREATE ROLE \"{role}\" LOGIN PASSWORD 'pw'" for role in ROLES),
            'CREATE SCHEMA incumbent AUTHORIZATION "user"',
            "GRANT ALL ON SCHEMA incumbent TO public",
            "ALTER ROLE few CONNECTION LIMIT 0",
            "CREATE DATABASE closed",
            "CREATE DATABASE mule ENCODING 'MULE_INTERNAL' LOCALE 'C' TEMPLATE template0",
            "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
            "CREATE SCHEMA shop",
            "CREATE TABLE shop.session (id serial PRIMARY KEY, data text)",
        ],
        tls=authority.issue("server", hosts=("localhost",)),
    )
    made.authority = authority
    made.start()
    yield made
    made.stop()


def at(server: stage.Postgres, user: str = "postgres", database: str = "postgres", options: str = "") -> str:
    return f"postgres://{user}@127.0.0.1:{server.port}/{database}{options}"


def outcome(url: str, name: str = "reports") -> ElectionError | None:
    """Return what an attempt to lead is refused with, in one line."""
    backend = open_backend(url, PATIENT)
    try:
        backend.elector(name, "a").acquire_leadership()
    except ElectionError as error:
        assert_one_line(error)
        return error
    finally:
        backend.close()
    return None


# ---------------------------------------------------------------- read-only


@pytest.mark.parametrize("within", ["", " IN DATABASE postgres"])
def test_role_that_is_read_only_by_default_is_told_with_the_remedy(strict, within):
    """P7: No time mends that a role is read-only by default: the run ends, and what it says to run mends it."""
    strict.sql(f'ALTER ROLE "user"{within} SET default_transaction_read_only = on')
    error = outcome(at(strict, "user"))
    assert isinstance(error, BackendRejectedError)
    assert 'user "user" is read-only by default' in str(error)
    strict.sql(str(error).partition(": run ")[2])
    assert outcome(at(strict, "user")) is None


def test_options_that_say_read_only_are_told(strict, monkeypatch):
    """P7: The same from the URL, or from the environment, names these."""
    setting = "-c%20default_transaction_read_only%3Don"
    error = outcome(at(strict, options=f"?options={setting}"))
    assert isinstance(error, BackendRejectedError)
    monkeypatch.setenv("PGOPTIONS", "-c default_transaction_read_only=on")
    assert str(outcome(at(strict))) == str(error)
    assert "option options, or in $PGOPTIONS" in str(error)


def test_what_an_operator_may_take_back_is_asked_again(strict):
    """P7: A database, or a server, that is read-only for a migration is waited for, and its setting is named."""
    strict.sql("ALTER DATABASE closed SET default_transaction_read_only = on")
    error = outcome(at(strict, database="closed"))
    assert isinstance(error, BackendUnavailableError)
    assert "database closed is read-only, by its setting default_transaction_read_only" in str(error)
    try:
        strict.sql("ALTER SYSTEM SET default_transaction_read_only = on")
        strict.sql("SELECT pg_reload_conf()")
        error = stage.eventually(lambda: outcome(at(strict)))
    finally:
        strict.sql("ALTER SYSTEM RESET default_transaction_read_only")
        strict.sql("SELECT pg_reload_conf()")
    assert isinstance(error, BackendUnavailableError)
    assert "the server is read-only" in str(error)
    stage.eventually(lambda: outcome(at(strict)) is None)


def test_doctor_tells_why_nothing_can_be_written(strict):
    """The doctor's errors name the cause, and not only that no host takes writes."""
    strict.sql("ALTER ROLE owner SET default_transaction_read_only = on")
    backend = open_backend(at(strict, "owner"), PATIENT)
    errors = [finding for finding in backend.diagnose() if finding.level == "error"]
    backend.close()
    assert "ALTER ROLE owner RESET default_transaction_read_only" in errors[0].text


# ---------------------------------------------------------------- who, how, and with what

#: User, database and options, and what is said of them.
MISTAKES = [
    (("few",), 'too many connections for role "few": a process needs three', BackendUnavailableError),
    (("postgres", "mule"), "use a database in UTF8", BackendRejectedError),
    (("postgres", "postgres", "?schema=shop"), "it has tables of others: give another one", BackendRejectedError),
    (("postgres", "postgres", "?options=-c%20nonsense%3D1"), "correct the option options", BackendRejectedError),
    (("postgres", "postgres", "?options=-c%20work_mem%3Dx"), "correct the option options", BackendRejectedError),
    (("app",), "or in a password file that has mode 600", BackendRejectedError),
    (("app:pw", "postgres", "?require_auth=none"), "server requested SASL authentication", BackendRejectedError),
    (("app:pw", "postgres", "?require_auth=nonsense"), "invalid require_auth value", BackendRejectedError),
    (("app:pw", "postgres", "?sslmode=disable&channel_binding=require"), "SSL not in use", BackendRejectedError),
    (("postgres", "postgres", "?service=nowhere"), '"nowhere" not found', BackendRejectedError),
]


@pytest.mark.parametrize(("where", "said", "kind"), MISTAKES)
def test_mistake_is_told_with_what_to_do(strict, monkeypatch, tmp_path, where, said, kind):
    """P7: What no second attempt can mend ends the run; each line says what is wrong, and what to do about it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    error = outcome(at(strict, *where))
    assert isinstance(error, kind)
    assert said in str(error)


@pytest.mark.parametrize(("variable", "value"), [("PGSSLMODE", "yes"), ("PGCHANNELBINDING", "x"), ("PGOPTIONS", "x")])
def test_variable_that_makes_no_sense_is_told(strict, monkeypatch, variable, value):
    """P7: What the environment adds to a URL is a mistake as well, and is named."""
    monkeypatch.setenv(variable, value)
    error = outcome(at(strict))
    assert isinstance(error, BackendRejectedError)
    assert value in str(error)
    assert re.search("variable of the environment|PGOPTIONS", str(error))


def test_missing_authority_is_told_without_a_way_around_it(strict, monkeypatch, tmp_path):
    """Nothing proposes less security: libpq would, where no file has the certificates that sign the server's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    error = outcome(at(strict, options="?sslmode=verify-full"))
    assert isinstance(error, BackendRejectedError)
    assert "give sslrootcert=FILE" in str(error)
    assert not re.search("disable|change sslmode", str(error))


def test_key_that_others_may_read_is_told(strict):
    """P7: libpq refuses to use such a key, whenever it is asked."""
    certificate, key = strict.authority.issue("client")
    key.chmod(0o644)
    error = outcome(at(strict, options=f"?sslmode=require&sslcert={certificate}&sslkey={key}"))
    assert isinstance(error, BackendRejectedError)
    assert "group or world access" in str(error)


def test_name_that_the_database_cannot_hold_is_told(strict):
    """P7: A name outside of the database's encoding ends the run of its own election."""
    error = outcome(at(strict, database="latin"), "reports/€")
    assert isinstance(error, BackendRejectedError)
    assert "LATIN1" in str(error)
    assert outcome(at(strict, database="latin"), "reports/ä") is None


# ---------------------------------------------------------------- poolers


def test_pooler_that_refuses_settings_is_told(strict):
    """P7: A pooler does not take `options`, however often it is asked."""
    with stage.pooler(strict, "transaction") as url:
        error = outcome(f"{url}?options=-c%20statement_timeout%3D9s")
        assert isinstance(error, BackendRejectedError)
        assert "the pooler does not take them" in str(error)
        backend = open_backend(url, PATIENT)
        warnings = [finding.text for finding in backend.diagnose() if finding.level == "warning"]
        backend.close()
    assert any("a pooler" in text for text in warnings)


def test_server_without_a_pooler_is_not_taken_for_one(strict):
    """What the doctor says of poolers is said of poolers only."""
    backend = open_backend(strict.url, PATIENT)
    assert not any("pooler" in finding.text for finding in backend.diagnose())
    backend.close()
