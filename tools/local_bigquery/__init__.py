"""BigQuery without BigQuery.

The real GoogleSQL engine and a local server that speaks BigQuery's REST API.
"""
