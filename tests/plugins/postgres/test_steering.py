"""Requests of operators, on a real PostgreSQL, and who may make them."""

import postgres_stage as stage
import pytest
from rights import Rights
from steered import Steered

from incumbent import open_backend

#: What each kind of user may do, as docs/steering.md says: run by the tables' owner, who is none of them.
POLICIES = """
GRANT USAGE ON SCHEMA incumbent TO candidate, operator, deaf;
GRANT SELECT, INSERT, DELETE ON incumbent.election, incumbent.session TO candidate, operator, deaf;
GRANT UPDATE (beat, renewed) ON incumbent.session TO candidate, operator, deaf;
ALTER TABLE incumbent.election ENABLE ROW LEVEL SECURITY;
ALTER TABLE incumbent.session ENABLE ROW LEVEL SECURITY;
CREATE POLICY leads ON incumbent.election TO candidate, deaf USING (lock_id NOT LIKE '%.control');
CREATE POLICY reads ON incumbent.election FOR SELECT TO candidate, operator USING (true);
CREATE POLICY asks ON incumbent.election TO operator USING (lock_id LIKE '%.control');
CREATE POLICY all_sessions ON incumbent.session TO candidate, deaf USING (true);
CREATE POLICY sees ON incumbent.session FOR SELECT TO operator USING (true);
CREATE POLICY begins ON incumbent.session FOR INSERT TO operator WITH CHECK (true);
CREATE POLICY renews ON incumbent.session FOR UPDATE TO operator USING (NOT EXISTS (
    SELECT FROM incumbent.election e WHERE e.session = id AND e.lock_id NOT LIKE '%.control'));
CREATE POLICY ends ON incumbent.session FOR DELETE TO operator USING (NOT EXISTS (
    SELECT FROM incumbent.election e WHERE e.session = id AND e.lock_id NOT LIKE '%.control'));
"""


@pytest.fixture(scope="module")
def guarded():
    """A server whose tables are there, with these users."""
    made = stage.Postgres(sql=[f"CREATE ROLE {user} LOGIN" for user in ("candidate", "operator", "deaf")])
    made.start()
    backend = open_backend(made.url, stage.settings())
    assert backend.elector("other", "owner").acquire_leadership() is not None  # which makes the tables
    backend.close()
    made.sql(POLICIES)
    yield made
    made.stop()


class TestSteering(Steered):
    """As on every elector."""


class TestRights(Rights):
    """Row level security keeps the three apart; who may not read a row is not told that there is one."""

    refuses = False

    @pytest.fixture
    def urls(self, guarded):
        return {
            user: f"postgres://{user}@127.0.0.1:{guarded.port}/postgres" for user in ("candidate", "operator", "deaf")
        }
