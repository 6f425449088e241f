"""A lock in Redis, written by hand: who has the key makes reports."""

import os
import time
import uuid

import redis

KEY, LEASE = "service/reports", 10  # seconds

me = uuid.uuid4().hex
client = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
while True:
    if client.set(KEY, me, nx=True, ex=LEASE) or client.get(KEY) == me:
        client.expire(KEY, LEASE)
        print("a report by", me, flush=True)
    time.sleep(1)
