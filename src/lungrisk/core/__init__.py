"""The records, the findings, the errors and the geometry that every room shares; numpy only."""
