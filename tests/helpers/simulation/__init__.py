"""A cluster in virtual time: the real engine, a model backend, and everything that can go wrong, from one seed.

`python -m simulation --help` (with `tests/helpers` on the path), or `nox -s simulate`.

world      virtual time: events in order, and tasks that can sleep in it
process    a process of the cluster: a clock of its own rate, an engine, pauses and crashes
stores     the servers: one with leases like etcd, one with sessions like Consul
beats      servers that can compare and set, and on them the elector of the toolkit, as it is shipped
elector    the elector on such a server, through a network that delays, loses and repeats
watchdog   the promises, checked after every event
nemesis    what goes wrong, and when
cluster    one simulation: all of these from one seed
"""
