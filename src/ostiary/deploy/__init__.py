"""From policies to the tenant: the Pulumi engine, one stack for each environment."""

# Names the variable that tells the Pulumi program which objects to import: JSON, ids by key under
# `policies` and `namedLocations`.
IMPORTS = "OSTIARY_IMPORTS"
# Names the variable that tells it what must change before what: JSON, pairs of [kind, key], of the
# kinds `policy` and `named location`.
ORDER = "OSTIARY_ORDER"
