"""What authors of electors build with: renewals on a thread of their own, and options that are read with one voice."""
