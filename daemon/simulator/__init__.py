"""The simulated MEXC: a separate HTTP server that keeps its own book on its own disk.

It stands in for the exchange in paper trading and in tests, and shares nothing with the daemon's own code: what both
know of MEXC is written down twice, so that one error can't cancel another. A request's way:

    server ──▶ exchange ──▶ limits, authentication ──▶ faults ──▶ *_endpoints ──▶ venue ──▶ book, streams
    (waits,     (sync: time   (the gateway)             (drawn)    (one function    (orders,    (SQLite,
     sockets)    is given)                                          each)            markets)    pushes)

Three ways to use it:

- as a process: `sniperd exchange --listen 127.0.0.1:0 --db FILE`, which prints its address as a line of JSON;
- over HTTP within a test: `async with serving(SimulatedExchange(Book(), rng=Random(1))) as url`, in `server`;
- without sockets and under virtual time: `SimulatedExchange.handle(request, now_ms)`, in `exchange`, which describes
  delays and cut connections in what it returns.

`control` tells what a test may see and set, `faults` what can be made to go wrong.
"""
