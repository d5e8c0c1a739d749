"""What policies do, decided for one sign-in and proven for every one."""
