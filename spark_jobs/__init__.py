"""The Spark side of checkout-assets: runs on EMR without the platform installed (Python 3.9)."""
