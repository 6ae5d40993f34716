"""Monitoring: metrics, series, alerts, webhooks, and what Prometheus and Grafana make of them."""
