"""The server process: it holds the home's lock, listens on the loopback address, and serves.

`python -m ostiary.sandbox.server --home DIR` serves in the foreground.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ostiary.sandbox.application import application
from ostiary.sandbox.home import HOST, Home, LockedError

if TYPE_CHECKING:
    import asyncio


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1, with the transport within reach of a fault that cuts the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn types it
        """Show the transport to the requests of this connection as `request.state.transport`."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


def main(arguments: list[str] | None = None) -> int:
    """Run the server; with `--detach`, return as soon as its port accepts connections."""
    parser = argparse.ArgumentParser(prog="python -m ostiary.sandbox.server")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--detach", action="store_true")
    options = parser.parse_args(arguments)
    home = Home(options.home.resolve())
    try:
        # A server that was just killed needs a moment to let go of its lock.
        with home.lock("server", seconds=2):
            # At once: whoever finds the lock held must not find the number of an earlier server.
            home.set_pid(os.getpid())
            home.prepare()
            listener = listen(options.port, home.port())
            home.set_port(listener.getsockname()[1])
            if options.detach and not detach(home):
                return 0
            serve(home, listener)
    except LockedError:
        sys.stderr.write(f"another server already serves {home.path}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def listen(port: int, last: int) -> socket.socket:
    """Listen on the loopback address: on `port`, or if that is 0 on `last` if free, else on any.

    Raises OSError when `port` is taken.
    """
    for each in (port,) if port else (last, 0):
        # asyncio turns Nagle off only for a socket that says it is TCP: 40 ms per answer otherwise.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, each))
            listener.listen(128)
        except OSError:
            listener.close()
            continue
        return listener
    raise OSError(f"port {port} is in use")


def detach(home: Home) -> bool:
    """Leave the terminal; gives True in the process that goes on, False in the one that returns."""
    child = os.fork()
    if child:
        home.set_pid(child)
        return False
    os.setsid()
    log = os.open(home.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    return True


def serve(home: Home, listener: socket.socket) -> None:
    """Serve until told to stop."""
    config = uvicorn.Config(
        application(home),
        http=Connection,
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        ssl_certfile=home.leaf,
        # The provider polls every 5 s, which is when uvicorn would cut an idle connection.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=0,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    raise SystemExit(main())
