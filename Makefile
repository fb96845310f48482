# Two commands; both set up what they need. Without make: python3 scripts/dev.py setup|demo|test
PYTHON ?= python3

.PHONY: demo test
demo:
	@$(PYTHON) scripts/dev.py demo

# a part of the tests: make test ARGS="tests/unit -k audience"
test:
	@$(PYTHON) scripts/dev.py test $(ARGS)
