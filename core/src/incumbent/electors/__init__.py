"""The embedded electors."""
