"""Readers: any file as sheets of rows of cells. They know nothing of mappings."""
