"""Any input for every reader of what users, files and environments say: what it promises, or one line."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout, suppress

import pytest
from hypothesis import HealthCheck, assume, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from oneline import assert_one_line

from incumbent import Address, BackendSettings, ConfigurationError, ElectorLoadError, open_backend, read_line
from incumbent.cli import COMMANDS, main, module_of
from incumbent.cli._output import clean
from incumbent.schedule import parse_duration
from incumbent_consul._options import Options as ConsulOptions
from incumbent_consul._security import read_token
from incumbent_etcd._options import Options

MANY = examples(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
SETTINGS = BackendSettings(15.0, 2.0)
CANARY = "s3cr3t-canary"

anything = st.text(st.characters(), max_size=30)
#: As an environment can hold it.
variable = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


# ---------------------------------------------------------------- arguments

options = st.sampled_from(
    [
        "--name",
        "--elector",
        "--id",
        "--ttl",
        "--once",
        "--wait-timeout",
        "--grace",
        "--relinquish-interval",
        "--json",
        "--directory",
    ]
)
times = st.text("0123456789.hmsnu\u00b5eE+-_ \u0663", max_size=8)
word = st.one_of(
    st.sampled_from(
        [*COMMANDS, "--", "-", "--help", "-V", "--relinquish-spec", "--count", "local://", "true", "=", ""]
    ),
    options,
    times,
    anything,
    st.tuples(options, st.one_of(times, anything)).map("=".join),
)


@pytest.fixture(scope="module")
def unrun():
    """Have no command do anything but be given its arguments."""
    with pytest.MonkeyPatch.context() as patch:
        for command in COMMANDS:
            patch.setattr(module_of(command), "run", lambda _: 0)
        yield


@pytest.mark.usefixtures("unrun")
@MANY
@given(
    st.sampled_from([[], ["run"], ["run", "--name", "n"], *([command] for command in COMMANDS)]),
    st.lists(word, max_size=6),
)
@example(["run"], ["--name", "n", "--ttl", "\u0663", "--", "true"])
@example(["run"], ["--name", "n", "--ttl=" + "9" * 5000, "--", "true"])
def test_any_arguments_are_taken_or_refused_in_one_line(first, words):
    """Code 0 and nothing on stderr, or code 2 and one printable line: whatever is typed."""
    assume(first or words)  # who types nothing is shown what there is
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([*first, *words])
    if code == 0:
        assert err.getvalue() == ""
        return
    assert code == 2
    assert out.getvalue() == ""
    line = err.getvalue().removesuffix("\n")
    assert line.startswith("incumbent: ")
    assert line.isprintable()
    assert "this is a bug" not in line


@MANY
@given(anything | times)
@example("9" * 400 + "h")
@example(".h")
def test_any_text_is_a_duration_or_one_line(text):
    """Seconds between nothing and a century."""
    try:
        seconds = parse_duration(text)
    except ConfigurationError as error:
        assert_one_line(error)
    else:
        assert 0.0 < seconds < 100 * 366 * 86400.0


@MANY
@given(st.text(st.characters(), max_size=400), st.integers(4, 300))
def test_any_text_is_cleaned(text, longest):
    """Printable, and no longer than asked for."""
    shown = clean(text, longest)
    assert shown.isprintable()
    assert len(shown) <= longest


# ---------------------------------------------------------------- options, variables, files

SCHEMES = {
    "consul": ["token", "tls", "insecure", "dc", "lock-delay", "session-ttl-min", "ca", "cert", "key", "token-file"],
    "consul+check": ["token", "tls", "lock-delay"],
    "etcd": ["ca", "cert", "key", "tls", "password-file", "insecure"],
    "local": [],
    "memory": [],
    "postgres": [
        *("schema", "host", "port", "user", "password", "dbname", "service", "options", "application_name"),
        *("sslmode", "sslrootcert", "sslcert", "sslkey", "passfile", "connect_timeout", "target_session_attrs"),
    ],
    "redis": [
        "db",
        "sentinel",
        "sentinel-user",
        "sentinel-password-file",
        "replicas",
        "prefix",
        "ca",
        "cert",
        "key",
        "tls",
    ],
    "rediss": ["tls", "ca", "insecure", "password-file"],
    "redis+unix": ["db", "sentinel", "password-file"],
}
values = st.one_of(st.sampled_from(["yes", "no", "nan", "1e3", "", "system", "/dev/null", "/", "0x1"]), variable)
chosen = st.sampled_from(sorted(SCHEMES)).flatmap(
    lambda scheme: st.builds(
        Address,
        st.just(scheme),
        st.sampled_from([(), (("127.0.0.1", None),), (("h", 1), ("::1", 2))]),
        st.one_of(st.just(""), variable.map("/{}".format)),
        st.dictionaries(st.sampled_from(SCHEMES[scheme] or ["x"]), values, max_size=3),
        st.none() | variable.filter(bool),
    )
)


@MANY
@given(chosen)
def test_any_options_make_a_backend_or_one_line(address):
    """Whatever stands behind the question mark: nothing but the errors of a configuration, before anything opens."""
    try:
        open_backend(address, SETTINGS).close()
    except ElectorLoadError as error:
        raise AssertionError(str(error)) from error
    except ConfigurationError as error:
        assert_one_line(error)


pieces = st.lists(
    st.sampled_from([*":/@,[]%?#. ", "://", "http", "https", "h", "::1", "1", "99999", CANARY, "\n", "\u00e9"]),
    max_size=9,
).map("".join)


@MANY
@given(pieces | variable, variable, variable)
def test_any_environment_of_etcdctl_is_read_or_refused_in_one_line(endpoints, user, password):
    """The variables of etcdctl hold what others have set: no traceback, and no password in the line."""
    environment = {
        "ETCDCTL_ENDPOINTS": endpoints,
        "ETCDCTL_USER": f"{user}:{CANARY}" if user else "",
        "ETCDCTL_PASSWORD": password,
    }
    try:
        read = Options.of(Address("etcd"), environment)
    except ConfigurationError as error:
        assert CANARY not in assert_one_line(error) or CANARY in endpoints  # noqa: PT017 - an error is no must
    else:
        assert CANARY not in repr(read) or CANARY in endpoints
        assert read.endpoints


@MANY
@given(pieces | variable, variable)
def test_any_environment_of_consul_is_read_or_refused_in_one_line(where, token):
    """The same for Consul's variables."""
    environment = {"CONSUL_HTTP_ADDR": where, "CONSUL_HTTP_TOKEN": token and f"{token}{CANARY}"}
    try:
        read = ConsulOptions.read(Address("consul"), SETTINGS, environment)
    except ConfigurationError as error:
        assert CANARY not in assert_one_line(error) or CANARY in where  # noqa: PT017 - an error is no must
    else:
        assert CANARY not in repr(read) or CANARY in where
        assert read.endpoints


@MANY
@given(st.binary(max_size=60))
@example(b"\xef\xbb\xbftoken\n")
@example(b"token\n\n")
def test_any_file_holds_a_secret_or_one_line(tmp_path, data):
    """Any bytes as the file of a token or a password: one that can be sent, or why not, without what is in the file."""
    path = tmp_path / "secret"
    path.write_bytes(data)
    with suppress(ValueError):
        token = read_token(str(path))
        assert token.isprintable()
        assert token.isascii()
    try:
        password = read_line("toy", "password-file", str(path))
    except ConfigurationError as error:
        assert_one_line(error)
    else:
        assert password
        assert "\n" not in password
