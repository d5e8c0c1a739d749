"""A language host for Pulumi programs in Python, for machines that cannot have the official one.

It does what https://github.com/pulumi/pulumi-python does for a program that needs no installing,
building or code generation.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped] # grpcio ships no types
from google.protobuf import empty_pb2, json_format  # type: ignore[import-untyped] # ships no types
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from ostiary.sandbox import language_program
from ostiary.sandbox.plugin.serving import serve

Context = Any  # grpc.ServicerContext, which has no types

VERSION = "3.250.0"  # of the engine whose official host this one is like
_SCRIPT = language_program.__file__
_CHUNK = 65536


class HostError(Exception):
    """The program cannot be started as Pulumi.yaml says; the message says why."""


def interpreter(info: language_pb2.ProgramInfo) -> str:
    """Give the Python of the `virtualenv` that Pulumi.yaml names, else the current one.

    A relative path starts at the project's root.
    """
    options = json_format.MessageToDict(info.options)
    toolchain = options.get("toolchain", "pip")
    if toolchain != "pip":
        raise HostError(
            f"the option `toolchain: {toolchain}` needs the official Python language host;"
            " without it use `virtualenv`"
        )
    name = options.get("virtualenv")
    if not name:
        return sys.executable
    python = Path(info.root_directory, name, "bin", "python")
    if not python.exists():
        raise HostError(
            f"the option `virtualenv: {name}` of Pulumi.yaml does not lead to a virtual"
            f" environment: there is no {python}; make one with `python -m venv {name}`"
        )
    return str(python)


def installed(python: str) -> dict[str, Any]:
    """Give what `language_program.packages` gives in the interpreter `python`."""
    if python == sys.executable:
        return language_program.packages()
    done = subprocess.run([python, _SCRIPT, "packages"], capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        raise HostError(f"{python} does not run: {done.stderr.decode(errors='replace').strip()}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class Children:
    """The processes under way, so that none outlives its request or the host."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def start(self, context: Context, *command: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a process that is killed when the request of `context` ends before it does."""
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)  # noqa: S603
        with self._lock:
            self._running.add(child)
        context.add_callback(lambda: self.kill(child))
        if not context.is_active():
            self.kill(child)
        return child

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        """Kill one process, if it still runs, and collect it."""
        with self._lock:
            self._running.discard(child)
        child.kill()
        child.wait()

    def kill_all(self) -> None:
        """Kill what is left."""
        for each in list(self._running):
            self.kill(each)


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The service; each request is served by a thread of its own."""

    def __init__(self) -> None:
        self.children = Children()
        self._engine = ""

    def Handshake(  # noqa: N802 - the protocol's name, here and below
        self, request: language_pb2.LanguageHandshakeRequest, _context: Context
    ) -> language_pb2.LanguageHandshakeResponse:
        """Take the engine's address, which programs need to log."""
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, _request: empty_pb2.Empty, _context: Context) -> plugin_pb2.PluginInfo:  # noqa: N802
        """Give the version of the official host this one is like."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetRequiredPackages(  # noqa: N802
        self, request: language_pb2.GetRequiredPackagesRequest, context: Context
    ) -> language_pb2.GetRequiredPackagesResponse:
        """Give the provider plugins of the packages the program can import.

        What PULUMI_DEBUG_PROVIDERS attaches is left out: the engine would download it for nothing.
        """
        attached = os.environ.get("PULUMI_DEBUG_PROVIDERS", "").split(",")
        present = {each.partition(":")[0] for each in attached}
        found = [
            plugin_pb2.PackageDependency(
                name=each["name"],
                kind="resource",
                version=f"v{each['version'].removeprefix('v')}",
                server=each.get("server", ""),
            )
            for each in _installed(request.info, context)["plugins"]
            if each["name"] not in present
        ]
        return language_pb2.GetRequiredPackagesResponse(packages=found)

    def GetRequiredPlugins(  # noqa: N802
        self, _request: language_pb2.GetRequiredPluginsRequest, _context: Context
    ) -> language_pb2.GetRequiredPluginsResponse:
        """Give nothing: engines that ask this are older than the packages above."""
        return language_pb2.GetRequiredPluginsResponse()

    def GetProgramDependencies(  # noqa: N802
        self, request: language_pb2.GetProgramDependenciesRequest, context: Context
    ) -> language_pb2.GetProgramDependenciesResponse:
        """Give what is installed, or only what nothing else requires."""
        found = _installed(request.info, context)
        names = found["distributions"] if request.transitiveDependencies else found["direct"]
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=each, version=found["distributions"][each])
                for each in sorted(names)
            ]
        )

    def About(  # noqa: N802
        self, request: language_pb2.AboutRequest, context: Context
    ) -> language_pb2.AboutResponse:
        """Give the interpreter and its version."""
        found = _installed(request.info, context)
        return language_pb2.AboutResponse(executable=found["executable"], version=found["version"])

    def RuntimeOptionsPrompts(  # noqa: N802
        self, _request: language_pb2.RuntimeOptionsRequest, _context: Context
    ) -> language_pb2.RuntimeOptionsResponse:
        """Ask nothing."""
        return language_pb2.RuntimeOptionsResponse()

    def Cancel(self, _request: empty_pb2.Empty, _context: Context) -> empty_pb2.Empty:  # noqa: N802
        """Kill the program."""
        self.children.kill_all()
        return empty_pb2.Empty()

    def Run(self, request: language_pb2.RunRequest, context: Context) -> language_pb2.RunResponse:  # noqa: N802
        """Run the program; what it prints goes where the host prints, to the engine's log."""
        try:
            python = interpreter(request.info)
        except HostError as error:
            return language_pb2.RunResponse(error=str(error))
        settings = {
            "runtime": {
                "project": request.project,
                "stack": request.stack,
                "monitor": request.monitor_address,
                "engine": self._engine,
                "parallel": request.parallel,
                "dry_run": request.dryRun,
                "organization": request.organization or "organization",
                "root_directory": request.info.root_directory,
            },
            "directory": request.pwd,
            "program": request.info.entry_point or ".",
            "arguments": list(request.args),
        }
        environment = os.environ | {
            "OSTIARY_PROGRAM": json.dumps(settings),
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        code = self.children.start(context, python, "-u", _SCRIPT, env=environment).wait()
        if code == language_program.SHOWN:
            return language_pb2.RunResponse(bail=True)
        reason = f"program exited with non-zero exit code: {code}" if code else ""
        return language_pb2.RunResponse(error=reason)

    def RunPlugin(  # noqa: N802
        self, request: language_pb2.RunPluginRequest, context: Context
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Run a policy pack or plugin written in Python: its output, then its exit code."""
        try:
            python = interpreter(request.info)
        except HostError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        variables = dict(each.partition("=")[::2] for each in request.env)
        child = self.children.start(
            context,
            *(python, "-u", request.info.program_directory, *request.args),
            cwd=request.pwd or None,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        yield from _output(child)
        yield language_pb2.RunPluginResponse(exitcode=child.wait())


def _output(child: subprocess.Popen[bytes]) -> Iterator[language_pb2.RunPluginResponse]:
    """Give what a process writes as it writes it, until it closes both streams."""
    chunks: queue.Queue[language_pb2.RunPluginResponse | None] = queue.Queue()

    def forward(name: str, stream: Any) -> None:
        with stream:
            while data := stream.read1(_CHUNK):
                chunks.put(language_pb2.RunPluginResponse(**{name: data}))
        chunks.put(None)

    for name, stream in (("stdout", child.stdout), ("stderr", child.stderr)):
        threading.Thread(target=forward, args=(name, stream), daemon=True).start()
    open_streams = 2
    while open_streams:
        chunk = chunks.get()
        if chunk is None:
            open_streams -= 1
        else:
            yield chunk


def _installed(info: language_pb2.ProgramInfo, context: Context) -> dict[str, Any]:
    try:
        return installed(interpreter(info))
    except HostError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        raise


if __name__ == "__main__":
    host = LanguageHost()
    serve(
        lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server),
        host.children.kill_all,
    )
