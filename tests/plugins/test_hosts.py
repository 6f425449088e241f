"""What is no host is refused by every plugin, when its backend is made."""

import pytest
from oneline import assert_one_line

from incumbent import BackendSettings, ConfigurationError, open_backend


@pytest.mark.parametrize("scheme", ["etcd", "redis"])
def test_path_is_no_host(scheme):
    """A store that has no Unix sockets, or names them otherwise, says so; it does not look the path up for ever."""
    with pytest.raises(ConfigurationError) as caught:
        open_backend(f"{scheme}://%2Frun%2Fstore.sock", BackendSettings(ttl=15.0, request_timeout=5.0))
    assert "'/run/store.sock': write" in assert_one_line(caught.value)
