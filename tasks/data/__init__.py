"""Examples: read, divided, parsed, and as a run sees them."""
