"""Celery with one beat at a time: `incumbent run --name service/beat -- celery -A celery_app beat --pidfile=`."""

import os

from celery import Celery, Task
from celery.signals import before_task_publish
from celery.utils.log import get_task_logger

log = get_task_logger(__name__)
app = Celery("celery_app", broker=os.environ.get("BROKER_URL", "amqp://"))
app.conf.beat_schedule = {"report": {"task": "celery_app.make_report", "schedule": 1.0}}


@before_task_publish.connect
def add_fence(headers: dict[str, object], **_: object) -> None:
    """Send the token of beat's term along with each task; `incumbent run` has put it into the environment."""
    if "INCUMBENT_TOKEN" in os.environ:
        headers["fence"] = int(os.environ["INCUMBENT_TOKEN"])


@app.task(bind=True)
def make_report(self: Task) -> None:
    """Make one report, in any worker."""
    log.info("a report is made, fenced by token %s", self.request.fence)
