"""A local BigQuery: the REST API over a catalog in memory, with GoogleSQL itself behind it."""

from local_bigquery.server.rest import Server, serve

__all__ = ["Server", "serve"]
