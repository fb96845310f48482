"""A local BigQuery: the REST API over a catalog in memory, with GoogleSQL itself behind it."""

from googlesql.server.rest import Server, serve

__all__ = ["Server", "serve"]
