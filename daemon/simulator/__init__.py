"""The simulated MEXC: a separate HTTP server that keeps its own book on its own disk.

It replaces the exchange in paper trading and in tests. It shares no code with the daemon: what both know about MEXC is
written twice, so that an error on one side cannot hide the same error on the other. The path of a request:

    server ──▶ exchange ──▶ limits, authentication ──▶ faults ──▶ *_endpoints ──▶ venue ──▶ book, streams
    (waits,     (sync: time   (the gateway)             (drawn)    (one function    (orders,    (SQLite,
     sockets)    is a                                               each)            markets)    pushes)
                 parameter)

Three ways to use it:

- as a process: `sniperd exchange --listen 127.0.0.1:0 --db FILE`, which prints its address as a line of JSON;
- over HTTP within a test: `async with serving(SimulatedExchange(Book(), rng=Random(1))) as url`, in `server`;
- without sockets and under virtual time: `SimulatedExchange.handle(request, now_ms)`, in `exchange`. Its return value
  describes delays and cut connections.

`control` lists what a test can read and change, `fault_kinds` the faults that a test can inject.
"""
