"""Structure copied folders on EMR: a cluster per group of folders, a step per folder."""
