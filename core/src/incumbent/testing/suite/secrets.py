"""The secrets in a URL, and in files that it names, show nowhere."""

from __future__ import annotations

import base64
import itertools
import logging
import math
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from incumbent import Address, BackendSettings, ConfigurationError
from incumbent.testing.bounded import HARNESS_LIMIT, bounded
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene

#: Planted as the password, and in options. It looks different when it is encoded, escaped or in a repr.
SECRET = "pa55 w0rd'of/the%suite"  # noqa: S105 - that is the point
USER = "somebody"
#: Options that hold a secret, as `Address` knows them too; and those that name a file with one.
SECRET_OPTION = re.compile(r"token|passw|passphrase|secret", re.IGNORECASE)
FILE_OPTION = re.compile(r"file|path|key", re.IGNORECASE)
#: One for each election of a test.
NUMBERS = itertools.count()


class Secrets:
    """What is printed, logged or raised can be shown to anybody."""

    def test_no_repr_shows_the_password(self, scene: Scene) -> None:
        """P8: The reprs of a backend and of an elector do not show the password of their URL."""
        with suppress(ConfigurationError):  # a backend without passwords refuses it: the next test reads the message
            backend = scene.harness.backend(scene.settings, planted(scene.harness.url))
            a = scene.candidate("a", backend=backend)
            _assert_hidden(f"{backend!r} {backend} {a.elector!r} {a.elector}", "a repr")

    def test_no_answer_shows_the_password(self, scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
        """P8: Nor does what is logged, printed or raised when the store is there, and takes the password or not."""
        with _listening(capfd) as told:
            _use(scene, planted(scene.harness.url), told)
            told.do(lambda: _diagnosed(scene, told))

    @requires("rejected_url")
    def test_no_rejection_shows_the_password(self, scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
        """P8: Nor when the store refuses for good whoever asks with it."""
        url = scene.harness.rejected_url()
        with _listening(capfd) as told:
            _use(scene, planted(url, Address.parse(url).username or USER), told)

    @requires("freeze")
    def test_no_error_shows_the_password(self, scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
        """P8: Neither an error, nor its causes, nor a log line shows the password when the store does not answer."""
        with _listening(capfd) as told:
            _use(scene, planted(scene.harness.url), told, meanwhile=scene.frozen)

    @requires("kill")
    def test_no_error_of_a_dead_store_shows_the_password(self, scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
        """P8: Nor when the store is dead."""

        @contextmanager
        def dead() -> Iterator[None]:
            scene.kill()
            yield
            scene.restart()

        with _listening(capfd) as told:
            _use(scene, planted(scene.harness.url), told, meanwhile=dead)

    def test_no_option_shows_its_secret(self, scene: Scene, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        """P8: Nor do an option that holds a secret, a file that an option names, and a URL that is refused."""
        file = tmp_path / "secret"
        file.write_text(SECRET)
        file.chmod(0o600)
        url = scene.harness.url
        for option in scene.harness.backend_class().options:
            if FILE_OPTION.search(option):
                planting = [_with_option(url, option, str(file)), _with_option(planted(url), option, str(file))]
            elif SECRET_OPTION.search(option):
                planting = [_with_option(url, option, SECRET)]
            else:
                planting = [_with_option(planted(url), option, "no such value")]
            for each in planting:
                with _listening(capfd) as told:
                    _use(scene, each, told)
        _, longest = scene.capabilities.ttl_range
        if longest < math.inf:
            with _listening(capfd) as told:
                _use(scene, planted(url), told, settings=replace(scene.settings, ttl=2 * longest))


class _Told(logging.Handler):
    """Keeps all that is said, and by whom."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.said: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        raised = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        self.said.append((f"the logger {record.name!r}", f"{record.getMessage()} {vars(record)!r} {raised}"))

    def error(self, error: BaseException) -> None:
        """Keep what an error says, and what those say that it came of, whether Python would show them or not."""
        self.said.append(("an error", "".join(traceback.format_exception(type(error), error, error.__traceback__))))
        chain: list[BaseException] = [error]
        for each in chain:
            self.said.append((f"{type(each).__name__}, of an error", f"{each!r} {each} {each.args!r}"))
            chain += [cause for cause in (each.__cause__, each.__context__) if cause and cause not in chain]

    def do(self, act: Callable[[], object]) -> None:
        """Do something, and keep what is raised."""
        try:
            act()
        except Exception as error:
            self.error(error)


@contextmanager
def _listening(capfd: pytest.CaptureFixture[str]) -> Iterator[_Told]:
    """Hear every logger at its most talkative, and what is printed; check at the end that the secret was not told."""
    told, root = _Told(), logging.getLogger()
    loggers = [root, *(logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger))]
    before = [(logger, logger.level, logger.disabled) for logger in loggers]
    silent = logging.root.manager.disable
    logging.disable(logging.NOTSET)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.disabled = False
        if logger is root or not logger.propagate:
            logger.addHandler(told)
    capfd.readouterr()
    try:
        yield told
    finally:
        for logger, level, disabled in before:
            logger.setLevel(level)
            logger.disabled = disabled
            logger.removeHandler(told)
        logging.disable(silent)
    told.said += zip(("stdout", "stderr"), capfd.readouterr(), strict=True)
    for who, what in told.said:
        _assert_hidden(what, who)


def _use(
    scene: Scene,
    url: str,
    told: _Told,
    *,
    meanwhile: Callable[[], AbstractContextManager[None]] = nullcontext,
    settings: BackendSettings | None = None,
) -> None:
    """Do all that can be done with a backend of *url*, *meanwhile* something happens to the store."""
    try:
        backend = scene.harness.backend(settings or scene.settings, url)
        a = scene.candidate("a", lock_id=f"{scene.lock_id}/{next(NUMBERS)}", backend=backend)
    except Exception as error:
        told.error(error)
        return
    told.said.append(("a repr", f"{backend!r} {backend} {a.elector!r} {a.elector}"))
    told.do(a.acquire_leadership)
    with meanwhile():
        for act in (a.check_leadership, a.observe_leadership, a.acquire_leadership):
            told.do(act)
        told.said += (("the name of a thread", thread.name) for thread in threading.enumerate())
    told.do(a.close)
    told.do(a.close_backend)


def _diagnosed(scene: Scene, told: _Told) -> None:
    backend = scene.harness.backend(scene.settings, planted(scene.harness.url))
    for finding in bounded(HARNESS_LIMIT, lambda: list(backend.diagnose()), "diagnose()"):
        told.said.append(("diagnose()", f"{finding.text} {finding.remedy}"))
    backend.close()


def _assert_hidden(text: str, where: str) -> None:
    shown = [name for name, spelling in SPELLINGS.items() if spelling in text]
    assert not shown, f"{where} shows the secret, {shown[0]}"


#: How the secret may be shown.
SPELLINGS = {
    "as it is": SECRET,
    "as its repr": repr(SECRET)[1:-1],
    "encoded for a URL": quote(SECRET, safe=""),
    "encoded for a path": quote(SECRET),
    "encoded for a form": quote_plus(SECRET),
    "in Base64": base64.b64encode(SECRET.encode()).decode().rstrip("="),
    "in Base64, with the user": base64.b64encode(f"{USER}:{SECRET}".encode()).decode().rstrip("="),
}


def planted(url: str, user: str = USER) -> str:
    """Return *url* with a password."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{quote(user)}:{quote(SECRET, safe='')}@{authority.rpartition('@')[2]}{slash}{path}"


def _with_option(url: str, option: str, value: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{option}={quote(value, safe='')}"
