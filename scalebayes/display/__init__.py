"""What results look like: numbers, tables, and an object as text and as HTML."""
