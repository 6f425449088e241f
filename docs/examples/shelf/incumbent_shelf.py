"""The elector `shelf://`, on any HTTP server that compares ETags: as S3 does, and stores like it."""

import socket
from http.client import HTTPConnection, HTTPException
from urllib.parse import quote

from incumbent import BackendRejectedError, BackendUnavailableError, Capabilities, ConfigurationError, no, one_line, yes
from incumbent.toolkit import BeatBackend, CompareAndSetStore, connect_socket, deadline, time_left

LONGEST = 65536  # bytes of an answer


class Socket(socket.socket):
    """Reads until a deadline, however many reads that takes: a timeout of its own would begin anew with each."""

    end = 0.0

    def recv_into(self, *arguments):
        self.settimeout(time_left(self.end))
        return super().recv_into(*arguments)


class Shelf(CompareAndSetStore):
    """One object for each election, in one bucket."""

    def __init__(self, host, port, bucket, settings):
        super().__init__(settings.ttl)
        self.host, self.port, self.bucket = host, port, bucket
        self.timeout = settings.request_timeout

    def get(self, lock_id):
        status, version, content = self.ask("GET", lock_id)
        return None if status == 404 else (content, version)

    def put(self, lock_id, content, version):
        condition = {"If-None-Match": "*"} if version is None else {"If-Match": version}
        status, _, _ = self.ask("PUT", lock_id, content, condition)
        return status in (200, 201, 204)  # else somebody was faster

    def ask(self, method, lock_id, content=None, headers=()):
        where = f"shelf {self.host}:{self.port}"
        end = deadline(self.timeout)  # of the request as a whole
        connection = HTTPConnection(self.host, self.port)
        try:
            found, _ = connect_socket(self.host, self.port, end)
            connection.sock = Socket(fileno=found.detach())
            connection.sock.end = end
            connection.sock.settimeout(time_left(end))
            path = f"/{quote(self.bucket)}/{quote(lock_id, safe='')}"
            connection.request(method, path, content, {"Connection": "close", **dict(headers)})
            with connection.getresponse() as response:
                answer = response.read(LONGEST)
        except (OSError, HTTPException) as error:
            raise BackendUnavailableError(f"{where}: {one_line(str(error)) or type(error).__name__}") from error
        finally:
            connection.close()
        if response.status in (200, 201, 204, 404, 412):
            return response.status, response.headers.get("ETag", ""), answer
        if response.status in (400, 401, 403, 405):
            raise BackendRejectedError(f"{where}: bucket {self.bucket!a:.60}: answers {response.status} to {method}")
        raise BackendUnavailableError(f"{where}: answers {response.status} to {method}")


class ShelfBackend(BeatBackend):
    """The store of `shelf://host:port/bucket`, and its electors."""

    contract_version = 1
    capabilities = Capabilities(
        push=yes("looks at all elections six times per ttl"),
        observe=yes(),
        candidates=no("a waiting candidate leaves nothing on the shelf"),
        fencing_across_restarts=yes("the last token is kept; should it be deleted, the candidates' clocks count on"),
        expiry=yes("by the clock of who waits"),
        interoperates=no("the objects are its own"),
        info=yes("behind the id"),
        testament=yes(),
    )

    def __init__(self, address, settings):
        if len(address.hosts) != 1 or address.path in ("", "/"):
            raise ConfigurationError("shelf: must name one server and a bucket, as in shelf://host:8080/elections")
        ((host, port),) = address.hosts
        super().__init__(address, settings, Shelf(host, port or 80, address.path[1:], settings))

    def _elector(self, lock_id, candidate):
        try:
            is_short = 0 < len(quote(lock_id, safe="")) <= 1000 and len(candidate.encode()) <= 4096
        except UnicodeEncodeError:
            is_short = False
        if not is_short:
            raise ConfigurationError("shelf: the name of an election, or a candidate's id, is too long or no Unicode")
        return super()._elector(lock_id, candidate)
