"""What electors are built with: renewals on a thread, addresses of a name, and options read with one voice."""
