"""Building: dbt's own runner, what need not be built again, and what is published."""
