"""A worker that copies somewhere else: what it says, who hears it, and when it must stop."""
