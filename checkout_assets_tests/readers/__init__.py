"""Reading the tables' files with the engines and libraries of analysts."""
