"""What the command writes, with the token of who wrote it last."""

from django.db import models


class Report(models.Model):
    """The report of one day."""

    day = models.DateField(unique=True)
    body = models.TextField(default="")
    fence = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"report of {self.day}"
