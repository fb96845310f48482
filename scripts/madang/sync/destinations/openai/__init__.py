"""OpenAI Ads as a destination; its entry is in `destination`."""
