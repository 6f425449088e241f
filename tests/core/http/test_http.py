"""An election over HTTP: what is answered is so at that moment, and no client can hold anything up."""

import http.client
import re
import socket
import threading
from contextlib import closing

import pytest
from patience import PATIENCE, in_time

from incumbent import ConfigurationError, LeaderElection, LeaderElectionConfig
from incumbent.http import _server, serve
from incumbent.prometheus import PrometheusObserver
from incumbent.testing import free_port


@pytest.fixture
def election():
    config = LeaderElectionConfig("service/reports", candidate="host:1", relinquish_interval=None)
    return LeaderElection(config, "memory://http")


@pytest.fixture
def server(election):
    with serve(election) as server:
        yield server


def ask(server, path="/leader", method="GET"):
    """Return status and body of the answer to one request."""
    host = server.url.removeprefix("http://")
    with closing(http.client.HTTPConnection(host, timeout=PATIENCE)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def connected(server):
    """Open a connection on which nothing is said yet."""
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def test_leader_is_told_from_who_waits(election, server):
    """503 before and after the term, 200 with the token while it lasts: as a load balancer asks."""
    assert ask(server) == (503, "this candidate does not lead\n")
    with election:
        term = election.wait_for_leadership(PATIENCE)
        assert ask(server) == (200, f"this candidate leads, token {term.token}\n")
        election.relinquish()
        assert ask(server)[0] == 503


def test_second_line_is_what_the_leader_tells():
    """Whoever is asked, the leader or not: so a client finds the one from the other. The page shows it, too."""
    told = LeaderElectionConfig("reports", candidate="a", relinquish_interval=None, info="http://<a>:1")
    other = LeaderElection(LeaderElectionConfig("reports", info="not this"), "memory://http-info")
    with LeaderElection(told, "memory://http-info") as election, serve(election) as server:
        token = election.wait_for_leadership(PATIENCE).token
        assert ask(server) == (200, f"this candidate leads, token {token}\nhttp://<a>:1\n")
        with other, serve(other) as follower:
            in_time(lambda: ask(follower) == (503, "this candidate does not lead\nhttp://<a>:1\n"))
            in_time(lambda: "<dt>info</dt><dd>http://&lt;a&gt;:1</dd>" in ask(follower, "/")[1])


def test_hand_over_that_waits_for_a_callback_is_told_by_its_process():
    """`status` names the old leader for as long as its claim is kept; its own process says what that is kept for."""
    begun, may_return = threading.Event(), threading.Event()

    def work(_):
        begun.set()
        may_return.wait(PATIENCE)

    config = LeaderElectionConfig("reports", relinquish_interval=None, on_elected=work)
    with LeaderElection(config, "memory://http-late") as election, serve(election) as server:
        assert begun.wait(PATIENCE)
        election.relinquish()
        in_time(lambda: election.situation.callback)
        waits = "on_elected has not returned: the end of the last term has waited for it for"
        status, told = ask(server)
        page = ask(server, "/")[1]
        may_return.set()
        assert (status, waits in page) == (503, True)
        assert told.startswith(f"this candidate does not lead: {waits} ")


def test_leading_is_judged_by_the_clock_at_that_moment(stage):
    """P2: a leader whose engine is stuck is none after its deadline, and a probe that would restart it fails."""
    with serve(stage.election(stage.puppet())) as server:
        assert ask(server)[0] == ask(server, "/live")[0] == 200
        stage.clock.advance(14)
        assert ask(server) == (503, "this candidate does not lead\n")
        assert ask(server, "/live") == (503, "the engine is stuck for 14 s\n")


def test_ready_does_not_depend_on_leading(election, server):
    """A copy that waits is ready, or a roll-out would wait for ever; one whose backend has not answered is not."""
    assert ask(server, "/ready") == (503, "it is no candidate\n")
    other = LeaderElection(LeaderElectionConfig("service/reports", relinquish_interval=None), "memory://http")
    with other, election:
        other.wait_for_leadership(PATIENCE)
        in_time(lambda: ask(server, "/ready") == (200, "ready\n"))
        assert ask(server)[0] == 503
        assert ask(server, "/live") == (200, "alive\n")


def test_election_that_has_failed_for_good_is_not_alive():
    """A process whose election has ended with an error can be restarted by who looks at /live."""

    def fail(_):
        raise ValueError("no disk")

    config = LeaderElectionConfig("service/reports", leader_callback=fail)
    election = LeaderElection(config, "memory://http-failed")
    with serve(election) as server:
        election.start()
        in_time(lambda: ask(server, "/live")[0] == 503)
        assert ask(server, "/live")[1].startswith("the election has ended: ")
        election.close()


def test_page_shows_who_leads_and_the_last_terms(election, server):
    """The leader, the token, the candidates and a drawing; without a script, and it asks for nothing elsewhere."""
    with election:
        election.wait_for_leadership(PATIENCE)
        in_time(lambda: "host:1 leads" in ask(server, "/")[1])
        status, body = ask(server, "/")
    assert status == 200
    assert "<dt>this candidate</dt><dd>host:1</dd>" in body
    assert "<dt>candidates</dt><dd>host:1</dd>" in body
    assert "<svg" in body
    assert '<meta http-equiv="refresh" content="5">' in body
    assert not re.search(r'<script|src=|href=(?!"data:,")|url\(', body)


def test_page_tells_no_candidates_from_not_listed(tmp_path):
    """As `incumbent status` does: where the elector cannot list them, an empty list would be taken for none."""
    config = LeaderElectionConfig("service/reports", candidate="host:1", relinquish_interval=None)
    with LeaderElection(config, f"local://{tmp_path}") as election, serve(election) as server:
        election.wait_for_leadership(PATIENCE)
        in_time(lambda: "host:1 leads" in ask(server, "/")[1])
        assert "<dt>candidates</dt><dd>not listed by this elector</dd>" in ask(server, "/")[1]


def test_page_says_that_nobody_leads(server):
    """That nobody leads is what such a page is looked at for."""
    in_time(lambda: "nobody leads" in ask(server, "/")[1])


def test_page_escapes_what_others_wrote():
    """A candidate's id is text."""
    config = LeaderElectionConfig("<b>reports</b>", candidate="<script>alert(1)</script>")
    with LeaderElection(config, "memory://http-escape") as election, serve(election) as server:
        election.wait_for_leadership(PATIENCE)
        in_time(lambda: "&lt;script&gt;alert(1)&lt;/script&gt; leads" in ask(server, "/")[1])
        assert "<script" not in ask(server, "/")[1]
        assert "<b>" not in ask(server, "/")[1]


def test_metrics_are_those_of_the_registry():
    """What an observer for Prometheus has registered, whatever else the application has there."""
    config = LeaderElectionConfig("http-metrics", observer=PrometheusObserver())
    with LeaderElection(config, "memory://http") as election, serve(election) as server:
        election.wait_for_leadership(PATIENCE)
        in_time(lambda: 'incumbent_is_leader{election="http-metrics"} 1.0' in ask(server, "/metrics")[1])


def test_head_has_no_body_and_nothing_else_is_answered(server):
    """GET and HEAD only; other paths are told what there is."""
    assert ask(server, "/", "HEAD") == (200, "")
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ask(server, "/leader", method) == (405, "only GET and HEAD are answered\n")
    assert ask(server, "/leader?x=1")[0] == 503
    assert ask(server, "/other") == (404, "there are /, /leader, /live, /ready, /metrics\n")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"\r\n\r\n", b"400"),
        (b"GET /leader\r\n\r\n", b"400"),
        (b"GET / leader HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET /%0d%0aSet-Cookie:x HTTP/1.1\r\n\r\n", b"404"),
    ],
)
def test_nonsense_gets_an_answer_and_no_traceback(server, said, status, caplog):
    """Whatever a client sends, it gets a line, and the server goes on."""
    with connected(server) as client:
        client.sendall(said)
        head = client.recv(65536)
    assert head.split(b" ")[1] == status
    assert b"Traceback" not in head
    assert b"Set-Cookie:" not in head.partition(b"\r\n\r\n")[0]
    assert ask(server)[0] == 503
    assert caplog.records == []


def drip(client, server):
    """Send one byte after the other until the server has closed the connection."""
    client.settimeout(0.05)
    while True:
        try:
            client.sendall(b"G")
            if client.recv(1) == b"":
                return
        except TimeoutError:
            assert ask(server)[0] == 503
        except OSError:
            return


def test_slow_clients_are_ended_and_hold_nobody_up(server, monkeypatch):
    """One that drips its request, byte by byte, is cut off at the deadline, which no byte puts off."""
    monkeypatch.setattr(_server, "DEADLINE", 0.5)
    with connected(server) as client:
        dripping = threading.Thread(target=drip, args=(client, server))
        dripping.start()
        dripping.join(PATIENCE)
        assert not dripping.is_alive()


def test_number_of_connections_is_bounded(server, monkeypatch):
    """Who comes when all places are taken is told so at once; when they are free again, everybody is answered."""
    monkeypatch.setattr(_server, "MOST_CONNECTIONS", 3)
    clients = [connected(server) for _ in range(3)]
    in_time(lambda: ask(server) == (503, "too many connections\n"))
    for client in clients:
        client.close()
    in_time(lambda: ask(server) == (503, "this candidate does not lead\n"))


def test_port_that_is_taken_is_one_line(election, server):
    """What cannot be listened on is refused with the address and the reason."""
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match=rf"^cannot listen on 127\.0\.0\.1 port {port}: "):
        serve(election, port=port)
    with pytest.raises(ConfigurationError, match=r"^cannot listen on no\.such\.host\.invalid port "):
        serve(election, host="no.such.host.invalid", port=free_port())


def test_nothing_is_left_when_it_is_closed(election):
    """P8: no thread, and no port that is listened on; closing twice is harmless."""
    with serve(election) as server:
        assert ask(server)[0] == 503
    server.close()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("incumbent-http")] == []
    with pytest.raises(ConnectionRefusedError):
        connected(server)


def test_elector_that_was_handed_in_has_a_page_of_what_its_candidate_knows(stage):
    """It cannot be asked beside its candidate; the page says what that one knows."""
    with serve(stage.election(stage.puppet())) as server:
        body = ask(server, "/")[1]
    assert "not known: nothing was seen yet" in body
    assert "<dd>this candidate leads</dd>" in body
