"""A running daemon, watched: its metrics, its alerts, and what Prometheus and Grafana are to read of it."""
