"""Braze Currents: folders of Avro files, each read once."""
