"""A stand-in for the azuread provider plugin: it asks a sandbox tenant what the real one would ask.

It knows named locations and Conditional Access policies only, keeps no state, and refuses to talk
to anything but this machine.  It shares no code with the rest of ostiary: what the engine declares
reaches it over the wire, as it reaches the real plugin.  Behaviour is that of pulumi-azuread 6.11
(https://github.com/pulumi/pulumi-azuread) over
https://github.com/hashicorp/terraform-provider-azuread, internal/services/conditionalaccess.
"""

VERSION = "6.11.1"
