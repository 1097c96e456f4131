"""What people and dashboards see: page, API, events, metrics."""
