"""BigQuery without BigQuery: the real GoogleSQL engine and a local server that speaks BigQuery's REST API."""
