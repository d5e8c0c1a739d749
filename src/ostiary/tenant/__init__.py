"""The tenant itself, read and mended through Microsoft Graph."""
