"""The Spark job that writes the data files of the analysts' tables from the plain tables' files."""
