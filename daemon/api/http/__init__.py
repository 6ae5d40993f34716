"""HTTP on the sockets: requests, bodies, responses, the fast path and the listeners."""
