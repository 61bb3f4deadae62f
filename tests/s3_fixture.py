"""An S3 for one test session: moto's server on a real socket. It is an imitation of the service, and says what obstore says to it."""

import socket
from collections.abc import Iterator

import httpx2
import pytest
from moto.server import ThreadedMotoServer


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address; credentials and the bucket `recordings` are there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    address = f"http://127.0.0.1:{port}"
    known = {
        "ACCESS_KEY_ID": "x",
        "SECRET_ACCESS_KEY": "x",
        "REGION": "us-east-1",
        "ENDPOINT": address,
        "ALLOW_HTTP": "true",
    }
    for name, value in known.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    assert httpx2.put(f"{address}/recordings").status_code == 200
    yield address
    server.stop()
