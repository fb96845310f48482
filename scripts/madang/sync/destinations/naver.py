"""Naver: customer files for its console; see `customer_files`."""

from madang.sync.destinations.customer_files import NaverSettings, entry

ENTRY = entry(NaverSettings)
