"""A policy server that wants keys, as its own program: ``stern_server.py PATH KEYS NAME``."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from tiny_server import RampPolicy

from vla.bridge.authority import ServerSecurity
from vla.bridge.keys import KeyStore
from vla.bridge.process import announce, stop_when_orphaned
from vla.bridge.server import PolicyServer


def main() -> None:
    where, folder, name = sys.argv[1:4]
    store = KeyStore(folder)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop_when_orphaned(stop, period_s=0.05)
    security = ServerSecurity(store.pair(name), store.allow_list)
    with PolicyServer(RampPolicy(), model_id="ramp", security=security) as server:
        announce(server.endpoint, Path(where))
        server.serve(stop)


if __name__ == "__main__":
    main()
