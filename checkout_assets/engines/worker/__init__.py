"""A worker that copies on another machine: its reports, their reader, and when it must stop."""
