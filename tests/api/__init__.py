"""The sockets of a running daemon: every route, every answer, judged by what the exchange got."""
