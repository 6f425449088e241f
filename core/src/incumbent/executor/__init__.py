"""Ends the terms of a process that has died, with the testaments that their electors left (P11)."""
