"""The report of a reconciliation: one HTML file and one small record in the lake."""
