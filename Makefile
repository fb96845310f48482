# Two commands; both set up what they need. Without make: python3 scripts/dev.py setup|demo|test
PYTHON ?= python3

.PHONY: demo test
demo:
	@$(PYTHON) scripts/dev.py demo

test:
	@$(PYTHON) scripts/dev.py test
