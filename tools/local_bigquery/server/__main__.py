"""Runs the local server until it is stopped.

`python -m local_bigquery.server [port]`, with `tools` on PYTHONPATH.
"""

import sys

from local_bigquery.server.rest import Server

server = Server(port=int(sys.argv[1]) if len(sys.argv) > 1 else 9050)
print(f"A local BigQuery, project {server.catalog.project}, at {server.url}", flush=True)
server.serve_forever()
