"""`incumbent run --http`: what supervisors and load balancers ask a wrapper, while its command works."""

import http.client
import os
from contextlib import closing

import pytest
from patience import in_time

from incumbent.cli import main
from incumbent.testing import free_port


def ask(port, path):
    """Return status and body of the answer; None if nobody listens."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        try:
            connection.request("GET", path)
        except ConnectionRefusedError:
            return None
        response = connection.getresponse()
        return response.status, response.read().decode()


def test_wrapper_answers_for_its_candidate(bench):
    """The leader is 200 at /leader, who waits 503; both are alive and have metrics; and nothing listens afterwards."""
    ports = free_port(), free_port()
    leader = bench.start("--id", "a", "--http", f":{ports[0]}", command=bench.worker())
    bench.begun()
    in_time(lambda: ask(ports[0], "/leader") == (200, "this candidate leads, token 1\n"))
    bench.start("--id", "b", "--http", f"127.0.0.1:{ports[1]}", command=bench.worker())
    in_time(lambda: ask(ports[1], "/ready") == (200, "ready\n"))
    assert ask(ports[1], "/leader")[0] == 503
    for port in ports:
        assert ask(port, "/live") == (200, "alive\n")
        in_time(lambda port=port: "a leads" in ask(port, "/")[1])
        in_time(lambda port=port: 'incumbent_is_leader{election="job"}' in ask(port, "/metrics")[1])
    leader.terminate()
    assert leader.wait(60) != 0
    assert ask(ports[0], "/leader") is None
    in_time(lambda: ask(ports[1], "/leader")[0] == 200)


def test_metrics_without_the_extra_are_one_line(bench, tmp_path):
    """Where `prometheus_client` is not installed all else is answered, and who asks for metrics learns what to do."""
    (tmp_path / "without").mkdir()
    (tmp_path / "without/prometheus_client.py").write_text("raise ImportError('not installed')")
    path = os.pathsep.join([str(tmp_path / "without"), bench.environment["PYTHONPATH"]])
    port = free_port()
    environment = {**bench.environment, "PYTHONPATH": path}
    bench.start("--http", f":{port}", command=bench.worker(), env=environment)
    bench.begun()
    in_time(lambda: ask(port, "/leader") == (200, "this candidate leads, token 1\n"))
    status, body = ask(port, "/metrics")
    assert status == 404
    assert body.startswith("there are no metrics: install incumbent[prometheus]")
    assert len(body.splitlines()) == 1


def test_port_is_the_wrappers_alone(bench):
    """A killed wrapper's port is free: neither its guard nor its command has it open."""
    port = free_port()
    wrapper = bench.start("--http", f":{port}", command=bench.worker())
    bench.begun()
    in_time(lambda: ask(port, "/leader") is not None)
    wrapper.kill()
    wrapper.wait(60)
    assert ask(port, "/leader") is None


def test_port_that_is_taken_is_one_line(bench):
    """Nothing is campaigned for where what was asked for cannot be done."""
    port = free_port()
    bench.start("--http", f":{port}", command=bench.worker())
    bench.begun()
    code, out, err = bench.run("--http", f":{port}", command=["true"])
    assert (code, out) == (2, "")
    assert err.startswith(f"incumbent: cannot listen on 127.0.0.1 port {port}: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("where", ["8080", ":", ":x", ":65536", ":-1", "host:"])
def test_address_that_is_none_is_one_line(capsys, where):
    """What is no [HOST]:PORT is refused with an example."""
    assert main(["run", "--name", "job", "--http", where, "--", "true"]) == 2
    assert "is no [HOST]:PORT, such as :8080 or 0.0.0.0:8080" in capsys.readouterr().err
