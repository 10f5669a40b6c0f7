"""What the engines and libraries of analysts make of the tables' files."""
