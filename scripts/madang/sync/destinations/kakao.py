"""Kakao Moment: customer files for its console; see `customer_files`."""

from madang.sync.destinations.customer_files import KakaoSettings, entry

ENTRY = entry(KakaoSettings)
