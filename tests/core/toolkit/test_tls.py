"""The options that secure a connection: which go together, what is refused, and what the files are good for."""

from __future__ import annotations

import ssl

import pytest
from certificates import Authority

from incumbent import ConfigurationError
from incumbent.toolkit import SYSTEM, Endpoint, Tls, read_tls, refuse_plain_text


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def pair(authority):
    return [str(path) for path in authority.issue("host", hosts=("host",))]


def test_connection_is_plain_unless_somebody_says_otherwise():
    """Files of the environment alone encrypt nothing: another server may be meant by them."""
    assert read_tls("toy", {}) == read_tls("toy", {}, fallback={"ca": "/x"}) == Tls(is_on=False)


def test_connection_is_encrypted_if_anything_says_so(authority, pair):
    """The option, what the URL's scheme says, or a file that would be useless otherwise."""
    ca, (cert, key) = str(authority.file), pair
    assert read_tls("toy", {"tls": "yes"}) == read_tls("toy", {}, encrypted=True) == Tls(is_on=True)
    assert read_tls("toy", {"ca": ca}) == Tls(True, ca)
    assert read_tls("toy", {"ca": SYSTEM}) == Tls(True, SYSTEM)
    assert read_tls("toy", {"cert": cert, "key": key}) == Tls(True, None, cert, key)


def test_no_is_no_whatever_else_says_yes():
    """Who writes tls=no is not encrypted, with none of the environment's files."""
    assert read_tls("toy", {"tls": "no"}, encrypted=True, fallback={"ca": "/x"}) == Tls()


def test_environment_fills_in_what_the_url_leaves_out(pair):
    """But never one half of a pair: a certificate from here and a key from there do not fit."""
    cert, key = pair
    fallback = {"ca": "/a", "cert": "/c", "key": "/k"}
    assert read_tls("toy", {"tls": "yes"}, fallback=fallback) == Tls(True, "/a", "/c", "/k")
    assert read_tls("toy", {"cert": cert, "key": key}, fallback=fallback) == Tls(True, "/a", cert, key)
    with pytest.raises(ConfigurationError, match="option cert needs option key too"):
        read_tls("toy", {"cert": cert}, fallback=fallback)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"tls": "maybe"}, "option tls='maybe': must be yes or no"),
        ({"tls": "no", "ca": "{here}"}, "option ca makes no sense with tls=no: leave one of them out"),
        ({"ca": ""}, "option ca is empty: give the path of a file, or leave the option out"),
        ({"key": "{here}"}, "option key needs option cert too: a certificate and its private key"),
    ],
)
def test_what_does_not_go_together_is_refused(given, line):
    """One line names the option and the rule."""
    with pytest.raises(ConfigurationError) as refusal:
        read_tls("toy", {option: value.format(here=__file__) for option, value in given.items()})
    assert str(refusal.value) == f"toy: {line}"


def test_secret_goes_to_this_machine_only():
    """Unless TLS is given, or the user has decided; the line says how."""
    here = [Endpoint("127.0.0.1", 1), Endpoint("::1", 1), Endpoint("localhost", 1)]
    refuse_plain_text("toy", "the password", here, "give tls=yes")
    with pytest.raises(ConfigurationError) as refusal:
        refuse_plain_text("toy", "the password", [*here, Endpoint("10.0.0.1", 7)], "give tls=yes")
    assert str(refusal.value) == (
        "toy: the password would go to 10.0.0.1:7 unencrypted: give tls=yes or, if the network can be trusted, "
        "insecure=yes"
    )


def test_files_make_a_context(authority, pair):
    """Of any form, on every Python; and it is said whether an intermediate is trusted by itself."""
    tls = Tls(True, str(authority.file), *pair)
    for trusts_each in (False, True):
        context = tls.context("toy", trusts_each=trusts_each)
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname
        assert bool(context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN) is trusts_each
        assert not context.verify_flags & ssl.VERIFY_X509_STRICT
        assert [found["subject"] for found in context.get_ca_certs()]
    Tls(True, SYSTEM).context("toy")


@pytest.mark.parametrize(("option", "file"), [("ca", 0), ("cert", 1)])
def test_file_that_is_none_of_them_is_named(pair, option, file):
    """P8: In one line, and nothing of what it holds."""
    paths = [None, *pair]
    paths[file] = __file__
    with pytest.raises(ConfigurationError, match=f"^toy: option {option}='{__file__}': cannot be used: .+$"):
        Tls(True, *paths).context("toy")


@pytest.mark.parametrize("path", ["/nowhere", "/dev/null"])
def test_what_is_no_file_is_not_waited_for(path):
    """P10: What would block, or is not there, is refused before anything reads it."""
    with pytest.raises(ConfigurationError, match=f"^toy: option ca='{path}': (is not a file|cannot be read: .*)$"):
        Tls(True, path).context("toy")


@pytest.mark.parametrize(("days", "level"), [(-2, "error"), (5, "warning"), (60, "ok")])
def test_end_of_a_certificate_is_told_before_it_comes(authority, days, level):
    """The doctor names the file, with what to do; of what is no certificate, or the system's, it says nothing."""
    cert, key = authority.issue(f"old{days}", days=days)
    (found,) = Tls(True, SYSTEM, str(cert), str(key)).findings()
    assert (found.level, bool(found.remedy)) == (level, level != "ok")
    assert str(cert) in found.text
    assert "expires on" in found.text
    assert list(Tls(True, __file__).findings()) == []
