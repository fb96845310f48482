"""Google Ads and Display & Video 360, by the Data Manager API; its entry is in `destination`."""
