"""The API of a running daemon: every route and answer, checked against the requests that the exchange got."""
