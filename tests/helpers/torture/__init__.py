"""Torture: candidates as processes, real servers behind proxies, faults without end, and a judge of the journals.

`nox -s torture -- --elector local --faults 300 --seed 1`; `--help` says more.

candidate  one candidate in a process of its own: works while it leads, and writes down what it believes, and when
register   what the candidates write to, outside the election: refuses tokens that are too old, and counts them
crew       the candidates of one election: started, killed, frozen, asked to hand over
limits     a process that is left no descriptors, or no disk
stages     the stores: `local`, a cluster of etcd, a cluster of Consul; and what can be done to them
nemesis    which fault comes next
judge      what the journals say: overlaps, tokens, order, gaps
picture    the same as a timeline
"""
