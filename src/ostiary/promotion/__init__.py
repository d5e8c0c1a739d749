"""From disabled over report-only to enabled: which policy may take its next step, and why not."""
