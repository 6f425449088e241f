"""A service of which every copy answers, and one makes reports."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request, Response

from incumbent import AsyncLeaderElection, LeaderElectionConfig, LeadershipLostError, Term


async def make_report(term: Term) -> None:
    """Make one report."""
    print(term.candidate, "makes a report, fenced by token", term.token, flush=True)


async def make_reports(term: Term) -> None:
    """Make reports for ever; this is cancelled when the term is over."""
    while True:
        await make_report(term)
        await asyncio.sleep(1)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Campaign while the service runs; each worker process is a candidate."""
    config = LeaderElectionConfig(lock_id="service/reports", relinquish_interval=None, on_elected=make_reports)
    app.state.election = AsyncLeaderElection(config, os.environ.get("INCUMBENT_ELECTOR", "local://"))
    app.state.campaign = asyncio.create_task(app.state.election.run())
    yield
    app.state.campaign.cancel()
    await asyncio.wait({app.state.campaign})  # it hands over before it ends
    if not app.state.campaign.cancelled():
        app.state.campaign.result()  # raises what has ended the election


app = FastAPI(lifespan=lifespan)


@app.get("/ready")
async def ready(request: Request) -> dict[str, bool]:
    """Readiness: every copy can answer, whether it leads or not."""
    return {"leader": request.app.state.election.is_leader()}


@app.get("/live")
async def live(request: Request, response: Response) -> dict[str, bool]:
    """Liveness: restart a copy whose work has failed, since it is no candidate any more."""
    over = request.app.state.campaign.done()
    response.status_code = 503 if over else 200
    return {"candidate": not over}


async def present_term(request: Request) -> Term:
    """Return the term, or refuse the request."""
    term: Term | None = request.app.state.election.term
    if term is None:
        raise HTTPException(503, "this copy does not lead", headers={"Retry-After": "1"})
    return term


@app.post("/reports")
async def make_report_now(request: Request, term: Annotated[Term, Depends(present_term)]) -> dict[str, int]:
    """Do what only the leader may do; it is cancelled, too, when the term is over."""
    try:
        await request.app.state.election.during(term, make_report(term))
    except LeadershipLostError:
        raise HTTPException(503, "this copy has ceased to lead", headers={"Retry-After": "1"}) from None
    return {"token": term.token}
