"""Elections on PostgreSQL in a process whose threads are gevent's greenlets."""

from greenlets import Greenlets


class TestGreenlets(Greenlets):
    """What every elector does."""
