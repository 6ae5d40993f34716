"""Monitoring: metrics, time series, alerts and the webhooks they go to. It watches, and decides nothing of trading."""
