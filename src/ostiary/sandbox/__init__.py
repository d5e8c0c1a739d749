"""A tenant that exists only on this machine: a local Microsoft Graph and what stands around it.

Nothing here imports the rest of ostiary, so that no mistake of the engine can be mirrored by the
server it is tested against.
"""


class SandboxError(Exception):
    """The sandbox could not do what was asked; the message says why."""
