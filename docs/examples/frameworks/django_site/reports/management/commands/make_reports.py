"""`manage.py make_reports`: keeps the report of the day up to date, in one copy at a time."""

import signal
import threading

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone
from reports.models import Report

from incumbent import ElectionError, LeaderElection, LeaderElectionConfig, Term


class Command(BaseCommand):
    """The command."""

    help = "Keep the report of the day up to date while this copy leads."

    def handle(self, *_: object, **__: object) -> None:
        """Campaign until SIGTERM or Ctrl-C."""
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        signal.signal(signal.SIGINT, lambda *_: stop.set())
        config = LeaderElectionConfig(lock_id="service/reports", relinquish_interval=None, on_elected=self.work)
        try:
            LeaderElection(config, settings.INCUMBENT_ELECTOR).run(stop)
        except ElectionError as error:
            raise CommandError(str(error)) from error

    def work(self, term: Term) -> None:
        """Work in short pieces until the term is over. Runs on a thread of its own."""
        try:
            while term.is_valid():
                self.make_report(term)
                connection.close_if_unusable_or_obsolete()  # as Django does between two requests
                term.wait(timeout=1)
        finally:
            connection.close()  # it is this thread's own

    def make_report(self, term: Term) -> None:
        """Write the report, unless a later leader has written it already."""
        body = f"{term.candidate} makes a report, fenced by token {term.token}"
        day = timezone.now().date()
        Report.objects.get_or_create(day=day)
        written = Report.objects.filter(day=day, fence__lte=term.token).update(body=body, fence=term.token)
        self.stdout.write(body if written else "refused: a later leader has written")
