"""`incumbent run -- CMD`: run a command only while leading."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Final

from incumbent.address import Address
from incumbent.config import MOST_PREFERRED, LeaderElectionConfig, lifetime
from incumbent.election import LeaderElection
from incumbent.elector import BackendSettings
from incumbent.errors import ConfigurationError
from incumbent.executor.executing import execute
from incumbent.registry import load_backend_class

from ._command import Command
from ._fitness import health_check, is_eligible, said_preference
from ._init import leave_init
from ._log import add_log, chosen, told
from ._output import clean, complain
from ._parser import add_elector, add_name, add_ttl, number_to, positive_seconds, seconds, where_to_listen
from ._processes import occupy_streams
from ._terminal import Terminal
from ._wrapper import CANNOT_RUN, NOT_FOUND, WRAPPER_FAILED, Wrapper
from .guard import KILL_TIME

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from incumbent.instrumentation import ElectionObserver

    from ._parser import Commands

#: Seconds between SIGTERM and SIGKILL if the ttl does not force fewer, as for containers.
DEFAULT_GRACE: Final = 10.0

#: Has what `--info` would say.
INFO: Final = "INCUMBENT_INFO"

DESCRIPTION = """\
Run a command only while this candidate leads the election, without a shell, in its own process group.

The command finds INCUMBENT_NAME, INCUMBENT_CANDIDATE and INCUMBENT_TOKEN in its environment. When the
leadership is lost it gets SIGTERM, and SIGKILL before another candidate can win; so does everything
that it has started, also when this process is killed or frozen. Then it campaigns again.
SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 and SIGWINCH are passed on to the command.
"""

EXIT_CODES = """\
exit codes: the command's own, or 128+N if signal N ended it; 75 leadership lost (with --once);
124 not elected in time; 125 the backend or the wrapper failed; 126 the command cannot be run; 127 it is not found
"""


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    parser = commands.add_parser("run", description=DESCRIPTION, epilog=EXIT_CODES)
    add_elector(parser)
    add_name(parser)
    parser.add_argument("--id", metavar="ID", help="this candidate (default: host:pid:random)")
    parser.add_argument("--info", metavar="TEXT", help="what others are shown while it leads, such as its address")
    add_ttl(parser)
    parser.add_argument(
        "--once", action="store_true", help="end when the leadership is lost, rather than campaign again"
    )
    parser.add_argument(
        "--wait-timeout", type=positive_seconds, default=inf, metavar="TIME", help="wait so long at most to lead"
    )
    parser.add_argument(
        "--grace",
        type=seconds,
        metavar="TIME",
        help=f"from SIGTERM to SIGKILL (default: {DEFAULT_GRACE:g}, or what fits)",
    )
    parser.add_argument(
        "--relinquish-interval", type=positive_seconds, metavar="TIME", help="hand over so long after winning"
    )
    parser.add_argument("--relinquish-spec", metavar="SPEC", help="hand over at these times (see 'incumbent explain')")
    parser.add_argument("--observer", action="store_true", help="do not lead, but go on seeing who does")
    parser.add_argument(
        "--health", metavar="CMD", help="lead only while this command, run again and again, ends with 0"
    )
    parser.add_argument(
        "--health-interval", type=positive_seconds, default=10.0, metavar="TIME", help="how often (default: 10)"
    )
    parser.add_argument(
        "--health-failures", type=number_to(1000), default=3, metavar="N", help="so many in a row are bad (default: 3)"
    )
    parser.add_argument(
        "--preference",
        type=number_to(MOST_PREFERRED, 0),
        metavar="N",
        help="who should lead if it can: the larger, from 0 to 100 (default: $INCUMBENT_PREFERENCE)",
    )
    parser.add_argument(
        "--min-term",
        type=positive_seconds,
        default=60.0,
        metavar="TIME",
        help="lead so long at least before a preferred one may (default: 60)",
    )
    parser.add_argument(
        "--http", type=where_to_listen, metavar="[HOST]:PORT", help="answer /leader, /live, /ready, /metrics and a page"
    )
    add_log(parser)
    parser.add_argument("argv", nargs="+", metavar="CMD", help="the command and its arguments, after '--'")


def run(args: argparse.Namespace) -> int:
    """
    Campaign, run the command while leading, and return the exit code.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    if not hasattr(os, "fork"):
        raise ConfigurationError("'incumbent run' needs a POSIX system: this one cannot fork")
    occupy_streams()
    log = chosen(args)
    wrapper = Wrapper(once=args.once, wait_timeout=args.wait_timeout)
    config = LeaderElectionConfig(
        lock_id=args.name,
        candidate=args.id,
        info=os.environ.get(INFO) or None if args.info is None else args.info,
        ttl=args.ttl,
        relinquish_interval=args.relinquish_interval,
        relinquish_interval_spec=args.relinquish_spec,
        leader_callback=wrapper.on_check,
        on_elected=wrapper.on_elected,
        on_deposed=wrapper.on_deposed,
        # So that who leads is known while it waits, or when that ends; it costs a request for each attempt.
        steering=True,
        eligible=is_eligible(observer=args.observer),
        health=health_check(args.health, args.health_interval),
        health_interval=args.health_interval,
        health_failures=args.health_failures,
        preference=said_preference(args.preference),
        min_term=args.min_term,
        observer=None if args.http is None else _metrics(),
        on_leader_changed=None if args.wait_timeout == inf and log.level > logging.INFO else lambda _: None,
    )
    _check_words(args.argv)
    grace = _fitting_grace(args.grace, config, args.elector)
    problem = _why_not_runnable(args.argv[0])
    if problem is not None:
        return complain(*problem)
    if os.getpid() == 1:
        leave_init()
    election = LeaderElection(config, args.elector)
    environment = {**os.environ, "INCUMBENT_NAME": config.name, "INCUMBENT_CANDIDATE": election.candidate}
    address = election.address
    assert address is not None
    settings = BackendSettings(config.ttl, config.request_timeout)
    command = Command(
        argv=args.argv,
        environment=environment,
        grace=grace,
        terminal=Terminal.open(),
        execute=lambda testament: execute(address, settings, [(config.name, testament)]),
    )
    with told(log, partial(_words, grace=grace)):
        try:
            return wrapper.run(election, command, _served(election, args.http))
        except OSError as error:  # no process or descriptor is left for the guard
            return complain(error, WRAPPER_FAILED)


def _fitting_grace(grace: float | None, config: LeaderElectionConfig, elector: str) -> float:
    """
    Return *grace*, or its default, if SIGKILL comes early enough with it (P3).

    Raises:
        ConfigurationError: It does not fit between the renew deadline and the deadline; shows the numbers.
    """
    if not load_backend_class(Address.parse(elector).scheme).capabilities.expiry:
        return DEFAULT_GRACE if grace is None else grace  # the claim lives until the command is dead
    sure, renew = lifetime(config.ttl), config.renew_deadline
    most = sure - renew - KILL_TIME
    fitting = min(DEFAULT_GRACE, most) if grace is None else grace
    if 0.0 <= fitting <= most:
        return fitting
    flag = f"--ttl {config.ttl:g} is too short" if most < 0.0 else f"--grace {fitting:g} is too long"
    raise ConfigurationError(
        f"{flag}: with --ttl {config.ttl:g} a claim is sure for {sure:.2f} s, of which {renew:.2f} s may pass without "
        f"a renewal and {KILL_TIME:g} s are for SIGKILL: {most:.2f} s are left for the grace; give a longer --ttl"
    )


def _check_words(argv: list[str]) -> None:
    """Refuse what no program can be handed, which the guard would otherwise find out after winning."""
    for word in argv:
        try:
            data = os.fsencode(word)
        except UnicodeEncodeError:
            raise ConfigurationError(f"CMD '{clean(word, 60)}': cannot be encoded for the system") from None
        if b"\0" in data:
            raise ConfigurationError(f"CMD '{clean(word, 60)}': a NUL cannot be part of a command")


def _why_not_runnable(name: str) -> tuple[str, int] | None:
    """Return what is wrong with the command and the exit code, if that can be seen before there is a term."""
    folders = [""] if "/" in name else os.get_exec_path()
    found = [path for path in (Path(folder, name) for folder in folders) if name and os.access(path, os.F_OK)]
    if not found:
        return f"'{clean(name)}': not found", NOT_FOUND
    if not any(path.is_file() and os.access(path, os.X_OK) for path in found):
        return f"'{clean(name)}': it cannot be executed", CANNOT_RUN
    return None


@contextmanager
def _served(election: LeaderElection, where: tuple[str, int] | None) -> Iterator[None]:
    """Answer about *election* over HTTP while the block runs, if it is said where."""
    if where is None:
        yield
        return
    from incumbent.http import serve  # noqa: PLC0415 - brings asyncio

    with serve(election, host=where[0], port=where[1]):
        yield


def _metrics() -> ElectionObserver | None:
    """Return an observer for `/metrics`, if `incumbent[prometheus]` is installed."""
    try:
        from incumbent.prometheus import PrometheusObserver  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return PrometheusObserver()


def _words(record: logging.LogRecord, grace: float) -> str | None:
    """Return what is told of *record*: to the application, whose callbacks are ours, a late one is the command."""
    waited = getattr(record, "waited", None)
    if waited is None:
        return record.getMessage()
    if waited <= grace + KILL_TIME:
        return None
    return f"the command is not dead {waited:.0f} s after the end of its term; the hand-over waits for it"
