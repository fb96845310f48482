"""What says whether the figures of experiments may be believed."""
