"""Goals and sign-in tables as tests of a tenant repository: a plugin for pytest."""
