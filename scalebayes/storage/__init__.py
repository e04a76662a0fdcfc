"""`load`: results read back from files, held to what they should be."""
