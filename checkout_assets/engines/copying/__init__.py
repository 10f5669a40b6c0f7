"""Copy folders from source to raw, and verify the copies."""
