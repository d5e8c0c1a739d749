"""What the user wrote: YAML text, validated, with the place of every key and value."""
