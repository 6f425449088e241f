"""Measures our electors beside raw loops on the same stores, the stores' own tools, and other client libraries."""
