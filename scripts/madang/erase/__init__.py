"""Erasure: a person is removed everywhere, for good, with a certificate."""
