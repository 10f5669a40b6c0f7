"""Alerts: what triggers one, the message, and what has been sent to which target."""
