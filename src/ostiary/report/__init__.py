"""Results → text; a result is rendered here, never recomputed."""
