"""A program that uses the whole surface. Checked by strict mypy, never run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import ClassVar

from prometheus_client import CollectorRegistry
from typing_extensions import assert_type

import incumbent
from incumbent import (
    Address,
    AsyncLeaderElection,
    Backend,
    BackendSettings,
    Callback,
    Capabilities,
    Claim,
    ElectionObserver,
    Executor,
    LeaderElection,
    LeaderElectionConfig,
    LeaderElector,
    LeaderRecord,
    Reason,
    Runner,
    Secret,
    Situation,
    State,
    SystemClock,
    Term,
    hookimpl,
    no,
    observe,
    open_backend,
    read_leader,
    yes,
)
from incumbent.http import ElectionServer, serve
from incumbent.instrumentation import Deposed, HandedOver, Renewed
from incumbent.prometheus import PrometheusObserver
from incumbent.steer import Outcome, Result, hand_over, paused
from incumbent.testing import ElectorConformance, FakeClock, Harness, Stage


def lead(election: LeaderElection) -> None:
    assert_type(election.state, State)
    assert_type(election.term, Term | None)
    assert_type(election.candidate, str)
    assert_type(election.is_leader(), bool)


def elected(term: Term) -> int:
    assert_type(term.remaining(), float)
    assert_type(term.acquired_at, float)
    assert_type(term.reason, Reason | None)
    term.call_at_end(lambda: None)
    term.check()
    return term.token


def deposed(term: Term, reason: Reason) -> None:
    assert_type(term.wait(1.5), bool)
    assert_type(reason, Reason)


def changed(record: LeaderRecord) -> None:
    assert_type(record.candidate, str | None)
    assert_type(record.token, int | None)
    assert_type(record.candidates, tuple[str, ...] | None)


class Printer(ElectionObserver):
    def renewed(self, event: Renewed) -> None:
        assert_type(event.left, float)
        assert_type(event.late, bool)

    def deposed(self, event: Deposed) -> None:
        assert_type(event.reason, Reason)

    def handed_over(self, event: HandedOver) -> None:
        assert_type(event.seconds, float)


def is_fit() -> bool:
    return True


callback: Callback = lead

config = LeaderElectionConfig(
    lock_id="service/reports",
    relinquish_interval=timedelta(minutes=5),
    relinquish_interval_spec=None,
    leader_check_interval=2,
    follower_check_interval=2.5,
    leader_callback=callback,
    follower_callback=lead,
    on_elected=elected,
    on_deposed=deposed,
    on_leader_changed=changed,
    candidate="host-a",
    ttl=timedelta(seconds=15),
    renew_deadline=10.0,
    request_timeout=2.0,
    cooldown=0,
    close_timeout=15,
    handover_timeout=None,
    observer=Printer(),
    steering=True,
    eligible=False,
    health=is_fit,
    health_interval=timedelta(seconds=5),
    health_failures=3,
    preference=50,
    min_term=60,
    info="http://host-a:8080",
    relinquish_on_crash=True,
)
LeaderElectionConfig(17, relinquish_interval=None, observer=PrometheusObserver(CollectorRegistry()))
assert_type(config.name, str)

# Once it is built, every duration is in seconds.
half: float = config.leader_check_interval / 2


class Inline:
    def submit(self, job: Callable[[], None]) -> None:
        job()

    def adjust(self) -> float | None:
        return None

    def close(self, timeout: float) -> None: ...


executor: Executor = Inline()


def threads() -> None:
    LeaderElection(config, "local://").run(stop=threading.Event())
    Runner(SystemClock(), calls=executor, callbacks=executor)
    with LeaderElection(config, Address.parse("memory://"), runner=Runner(SystemClock())) as election:
        assert_type(election, LeaderElection)
        assert_type(election.wait_for_leadership(), Term)
        assert_type(election.wait_for_leadership(timeout=30), Term | None)
        assert_type(election.situation, Situation)
        assert_type(election.situation.leader, LeaderRecord | None)
        assert_type(election.info, str | None)
        election.info = "http://host-a:8080"
        election.relinquish()
        election.eligible = True
        assert_type(election.eligible, bool)
        with serve(election, host="127.0.0.1", port=0) as server:
            assert_type(server, ElectionServer)
            assert_type(server.url, str)


def steering() -> None:
    outcome = hand_over("local://", 17, to="host-b", timeout=30.0)
    assert_type(outcome, Outcome)
    assert_type(outcome.result, Result)
    assert_type(outcome.leader, str | None)
    assert_type(outcome.problem, str | None)
    with paused("local://", "service/reports", ttl=15.0):
        pass


async def tasks() -> None:
    async def work() -> str:
        return "done"

    async with AsyncLeaderElection(config, "local://") as election:
        assert_type(election, AsyncLeaderElection)
        term = await election.wait_for_leadership()
        assert_type(term, Term)
        assert_type(await election.wait_for_leadership(timeout=30), Term | None)
        assert_type(await election.during(term, work()), str)
        assert_type(election.situation.callback, str | None)
        serve(election).close()
    await AsyncLeaderElection(config, "local://").run()


def watching() -> None:
    assert_type(observe("local://", "service/reports"), Generator[LeaderRecord, None, None])
    assert_type(read_leader("local://", 17), LeaderRecord)


class MyElector(LeaderElector):
    def acquire_leadership(self) -> Claim | None:
        return Claim(token=1, guarantee=15.0, sent=incumbent.boottime())

    def check_leadership(self) -> Claim | None:
        return None

    def relinquish_leadership(self) -> bool:
        return True

    def close(self) -> None:
        self.notify()


class MyBackend(Backend):
    contract_version = 1
    capabilities: ClassVar[Capabilities] = Capabilities(
        push=no("why"),
        observe=yes(),
        candidates=yes("how"),
        fencing_across_restarts=yes(),
        expiry=yes(),
        interoperates=no("why"),
        ttl_range=(1.0, 60.0),
    )
    options: ClassVar[dict[str, str]] = {"wal": "yes or no"}

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        assert_type(address.hosts, tuple[tuple[str, int | None], ...])
        assert_type(address.password, Secret | None)
        assert_type(settings.ttl, float)

    def elector(self, lock_id: str, candidate: str) -> LeaderElector:
        return MyElector(lock_id, candidate, self.capabilities)

    def close(self) -> None: ...


@hookimpl
def incumbent_backend() -> type[Backend]:
    return MyBackend


assert_type(open_backend("memory://", BackendSettings(ttl=15.0, request_timeout=2.0)), Backend)


class MyHarness(Harness):
    scheme = "my"

    def expire(self, lock_id: str) -> None: ...


class TestMine(ElectorConformance):
    harness = MyHarness


clock = FakeClock()
clock.advance(1.5)

with Stage() as stage, stage.outage():
    stage.advance(1.5)
    stage.clock.advance(60)
    stage.lose(stage.url)
    stage.hand_over(7)
    assert_type(stage.win("service/reports"), Term)
