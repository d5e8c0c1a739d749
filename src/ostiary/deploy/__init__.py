"""From policies to the tenant: the Pulumi engine, one stack for each environment."""

# Names the variable that tells the Pulumi program which objects to import: JSON, ids by key under
# `policies` and `namedLocations`.
IMPORTS = "OSTIARY_IMPORTS"
