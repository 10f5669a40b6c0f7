"""Grant and revoke access to the source, and show its state."""
