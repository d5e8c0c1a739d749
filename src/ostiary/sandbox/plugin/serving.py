"""Serve one gRPC service to a Pulumi engine, and end with it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc  # type: ignore[import-untyped] # grpcio ships no types

# Set by our launchers to the process that started them: the engine.
PARENT = "OSTIARY_ENGINE_PID"
# As many operations as an engine without --parallel starts at once; a thread is made when needed.
_THREADS = 256
_SECONDS_BETWEEN_LOOKS = 0.5
_OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


def serve(register: Callable[[Any], None], cleanup: Callable[[], None] = lambda: None) -> None:
    """Serve on a free loopback port, printed on the first line, until a signal says to stop.

    Started by one of our launchers, the process also ends when the engine does, however that
    dies.  `cleanup` runs before the end.  Does not return.
    """
    # What is printed here reaches the user as an error of the engine.
    logging.getLogger("grpc").addHandler(logging.NullHandler())
    logging.getLogger("grpc").propagate = False
    stop = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    parent = os.environ.pop(PARENT, "")
    if parent.isdecimal():
        watch = threading.Thread(target=_watch, args=(int(parent), stop), daemon=True)
        watch.start()
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=_OPTIONS)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    stop.wait()
    server.stop(None)
    cleanup()
    # Threads that wait for a tenant would hold up a normal exit.
    os._exit(0)


def _watch(parent: int, stop: threading.Event) -> None:
    """Stop when `parent` is no longer the parent: whoever adopts an orphan has another number."""
    while os.getppid() == parent:
        if stop.wait(_SECONDS_BETWEEN_LOOKS):
            return
    stop.set()
