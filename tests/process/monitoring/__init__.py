"""Monitoring of a running daemon: metrics, alerts, and the files for Prometheus and Grafana."""
