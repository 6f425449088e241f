"""Which elections a PostgreSQL shows."""


def test_no_tables_are_no_elections(victim, opened):
    """Where nobody has ever led, nothing is listed, and nothing is made for it; each schema has its own."""
    first, second = (opened(f"{victim.url}?schema={schema}") for schema in ("one", "two"))
    assert first.elections(10) == second.elections(10) == []
    for name in ("b", "a'; x", "\u00e4\nc"):
        assert first.elector(name, "a").acquire_leadership() is not None
    assert first.elections(10) == sorted(["b", "a'; x", "\u00e4\nc"])
    assert first.elections(1) == ["a'; x"]
    assert second.elections(10) == []
